//! Is the loaded model on the graphics card?

use super::{ENOUGH, loaded};
use crate::doctor::{Facts, Problem, Remedy, Verdict, figures};
use crate::words;
use crate::words::Words;

pub(in super::super) fn judge(facts: &Facts) -> Verdict {
    let loaded = match loaded(facts) {
        Ok(Some(loaded)) => loaded,
        Ok(None) => {
            return Verdict::Skip(words!("no model is loaded now", "aucun modèle n'est chargé en ce moment"));
        }
        Err(why) => return Verdict::Skip(why),
    };
    let name = &loaded.name;
    let (Some(size), Some(on_card)) = (loaded.size.filter(|size| *size > 0), loaded.size_vram) else {
        return Verdict::Skip(words!(
            "Ollama does not tell where {name} is kept",
            "Ollama ne dit pas où se trouve {name}"
        ));
    };
    if on_card >= size {
        let Words { en, fr } = figures::bytes(size);
        return Verdict::Pass(words!(
            "all of {name} is on the graphics card ({en})",
            "{name} est entièrement sur la carte graphique ({fr})"
        ));
    }
    slow(name, size, on_card).warn()
}

fn slow(name: &str, size: u64, on_card: u64) -> Problem {
    let Words { en, fr } = figures::bytes(size);
    let full = words!(
        "the model and its context need more graphics memory than is free",
        "le modèle et son contexte demandent plus de mémoire graphique qu'il n'y en a de libre"
    );
    let problem = if on_card == 0 {
        Problem::new(words!(
            "{name} runs on the processor, not on a graphics card ({en} in main memory): slow",
            "{name} tourne sur le processeur, pas sur une carte graphique ({fr} en mémoire vive) : c'est lent"
        ))
        .perhaps(words!(
            "Ollama does not see a card: there is none, or its driver is missing or old",
            "Ollama ne voit pas de carte : il n'y en a pas, ou son pilote manque ou est ancien"
        ))
        .perhaps(full)
    } else {
        let percent = u128::from(size - on_card) * 100 / u128::from(size);
        Problem::new(words!(
            "{percent} % of {name} ({en}) do not fit on the graphics card and are in main memory: slow",
            "{percent} % de {name} ({fr}) ne tiennent pas sur la carte graphique et sont en mémoire vive : c'est lent"
        ))
        .perhaps(full)
    };
    problem.cured_by(Remedy::by_hand(words!(
        "take a smaller model, or a smaller context where it has more than {ENOUGH} tokens, or end programs that use \
         the card",
        "prendre un modèle plus petit, ou un contexte plus petit s'il dépasse {ENOUGH} tokens, ou fermer les \
         programmes qui utilisent la carte"
    )))
}
