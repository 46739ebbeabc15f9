//! The firewall of Windows: is it in the way, and which of its rules, or the lack of which.
//!
//! ```text
//! a block rule ──► policy: do rules count? ──► a rule bound to an adapter ──► any rule that lets WSL in
//! ```
//! Each of them is the root of the next. Silence speaks for a firewall; any packet that comes back speaks against it.

use super::remedies::{disable, let_wsl_in, lower_shields, mirrored};
use super::view::{Symptom, View};
use crate::doctor::windows::rule::{Miss, WSL_PROFILE};
use crate::doctor::windows::{Profile, Rule};
use crate::doctor::{Facts, Problem, Remedy, Verdict};
use crate::words;
use crate::words::Words;

/// Explicit blocks outweigh all that is allowed (Microsoft, "Windows Firewall rules").
pub(super) fn block_rule(facts: &Facts) -> Verdict {
    either(judge_block(facts))
}

/// Whether rules of this machine count at all.
pub(super) fn policy(facts: &Facts) -> Verdict {
    either(judge_policy(facts))
}

/// A rule that is bound to an adapter dies with it: Windows makes WSL's anew at each start (WSL #6731).
pub(super) fn rule_interface(facts: &Facts) -> Verdict {
    either(judge_interface(facts))
}

/// Whether any rule lets WSL in.
pub(super) fn firewall(facts: &Facts) -> Verdict {
    either(judge_firewall(facts))
}

fn either(judged: Result<Verdict, Verdict>) -> Verdict {
    match judged {
        Ok(verdict) | Err(verdict) => verdict,
    }
}

fn begin(facts: &Facts) -> Result<View<'_>, Verdict> {
    let view = View::of(facts).map_err(Verdict::Skip)?;
    view.gateway_only()?;
    Ok(view)
}

fn public<'a>(view: &View<'a>) -> Option<&'a Profile> {
    view.windows.firewall.known()?.iter().find(|profile| profile.name.eq_ignore_ascii_case(WSL_PROFILE))
}

/// Why no rule matters for what comes from WSL.
fn unfiltered(view: &View<'_>) -> Option<Verdict> {
    let profile = public(view)?;
    if !profile.enabled {
        return Some(Verdict::Pass(words!(
            "the Windows firewall is off in the profile of WSL's adapter",
            "le pare-feu de Windows est désactivé dans le profil de l'adaptateur de WSL"
        )));
    }
    profile.exempt.iter().any(|name| view.is_wsl_adapter(name)).then(|| {
        Verdict::Pass(words!(
            "the Windows firewall does not filter WSL's adapter",
            "le pare-feu de Windows ne filtre pas l'adaptateur de WSL"
        ))
    })
}

fn rules<'a>(view: &View<'a>) -> Result<Vec<&'a Rule>, Verdict> {
    let rules = view.windows.rules.get().map_err(|why| Verdict::Skip(why.clone()))?;
    let local = public(view).is_none_or(|profile| profile.allows_local_rules);
    Ok(rules.iter().filter(|rule| local || rule.by_policy).collect())
}

fn judge_block(facts: &Facts) -> Result<Verdict, Verdict> {
    let view = begin(facts)?;
    let rules = rules(&view)?;
    if let Some(verdict) = unfiltered(&view) {
        return Ok(verdict);
    }
    let incoming = view.incoming();
    let blocks: Vec<&Rule> = rules.into_iter().filter(|rule| !rule.allows && rule.miss(&incoming).is_none()).collect();
    let Some(first) = blocks.first() else {
        return Ok(Verdict::Pass(words!("no rule blocks Ollama", "aucune règle ne bloque Ollama")));
    };
    let (name, port) = (&first.name, view.port);
    let mut problem = Problem::new(words!(
        "the firewall rule `{name}` of Windows blocks Ollama's port {port}, whatever other rules allow",
        "la règle `{name}` du pare-feu de Windows bloque le port {port} d'Ollama, quoi qu'autorisent les autres \
         règles"
    ));
    for rule in &blocks {
        problem = problem.because(block_evidence(rule));
    }
    problem = problem.perhaps(words!(
        "the dialog of the firewall was cancelled when Ollama first listened on all addresses",
        "la demande du pare-feu a été refusée quand Ollama a écouté pour la première fois sur toutes les adresses"
    ));
    let (policy, local): (Vec<&Rule>, Vec<&Rule>) = blocks.iter().partition(|rule| rule.by_policy);
    if !local.is_empty() {
        problem = problem.cured_by(disable(&local));
    }
    if !policy.is_empty() {
        let ask = words!(
            "ask whoever sets the company's policy to lift this rule",
            "demander à l'administrateur de lever cette règle"
        );
        problem = problem.cured_by(Remedy::by_hand(ask)).cured_by(mirrored());
    }
    let lets_in = view.windows.rules.known().is_some_and(|rules| rules.iter().any(|rule| admits(rule, &view)));
    let problem = if lets_in { problem } else { let_wsl_in(&view).into_iter().fold(problem, Problem::cured_by) };
    Ok(view.verdict(problem, view.symptom == Symptom::Silence))
}

fn block_evidence(rule: &Rule) -> Words {
    let program = rule.program.as_deref().unwrap_or("*");
    let profiles = if rule.profiles.is_empty() { "*".to_owned() } else { rule.profiles.join(", ") };
    let name = &rule.name;
    words!(
        "`{name}`: block, program {program}, profile {profiles}",
        "`{name}` : blocage, programme {program}, profil {profiles}"
    )
}

fn admits(rule: &Rule, view: &View<'_>) -> bool {
    rule.allows && rule.miss(&view.incoming()).is_none()
}

fn judge_policy(facts: &Facts) -> Result<Verdict, Verdict> {
    let view = begin(facts)?;
    view.windows.firewall.get().map_err(|why| Verdict::Skip(why.clone()))?;
    if let Some(verdict) = unfiltered(&view) {
        return Ok(verdict);
    }
    let silent = view.symptom == Symptom::Silence;
    let Some(profile) = public(&view) else {
        return Err(Verdict::Skip(words!(
            "Windows told of no public profile",
            "Windows n'a pas parlé du profil public"
        )));
    };
    if profile.shields_up && !view.answered() {
        return Ok(view.verdict(shields_up(), silent));
    }
    if profile.allows_local_rules {
        return Ok(Verdict::Pass(words!("rules of this machine count", "les règles de cette machine comptent")));
    }
    if view.answered() || rules(&view)?.into_iter().any(|rule| admits(rule, &view)) {
        return Ok(Verdict::Pass(words!(
            "only the company's rules count, and they let WSL in",
            "seules les règles de l'entreprise comptent, et elles laissent entrer WSL"
        )));
    }
    Ok(view.verdict(company(&view), silent))
}

fn shields_up() -> Problem {
    let what = words!(
        "the Windows firewall blocks all incoming connections in the profile {WSL_PROFILE}, also those that rules \
         allow",
        "le pare-feu de Windows bloque toutes les connexions entrantes dans le profil {WSL_PROFILE}, même celles que des règles \
         autorisent"
    );
    let evidence = words!("AllowInboundRules is False", "AllowInboundRules vaut False");
    Problem::new(what).because(evidence).cured_by(lower_shields(WSL_PROFILE))
}

fn company(view: &View<'_>) -> Problem {
    let what = words!(
        "company policy: firewall rules of this machine do not count, and none of the company lets WSL in",
        "politique d'entreprise : les règles de pare-feu de cette machine ne comptent pas, et aucune de l'entreprise ne laisse \
         entrer WSL"
    );
    let evidence = words!(
        "AllowLocalFirewallRules is False in the profile {WSL_PROFILE}",
        "AllowLocalFirewallRules vaut False dans le profil {WSL_PROFILE}"
    );
    let (port, prefix) = (view.port, view.prefix().unwrap_or_else(|| "172.16.0.0/12".to_owned()));
    let ask = words!(
        "ask whoever sets the policy for a rule: incoming TCP port {port}, from {prefix} only",
        "demander à l'administrateur une règle : port TCP {port} entrant, depuis {prefix} seulement"
    );
    Problem::new(what).because(evidence).cured_by(mirrored()).cured_by(Remedy::by_hand(ask))
}

fn judge_interface(facts: &Facts) -> Result<Verdict, Verdict> {
    let view = begin(facts)?;
    let rules = rules(&view)?;
    let incoming = view.incoming();
    let free = |rule: &&&Rule| rule.interfaces.is_empty() && rule.allows && rule.miss(&incoming).is_none();
    if let Some(rule) = rules.iter().find(free) {
        let name = &rule.name;
        return Ok(Verdict::Pass(words!("`{name}` is bound to no adapter", "`{name}` n'est liée à aucun adaptateur")));
    }
    // What would let us in, were it not for its adapter.
    let bound = |rule: &&&Rule| {
        let unbound = Rule { interfaces: Vec::new(), ..(**rule).clone() };
        rule.allows && !rule.interfaces.is_empty() && unbound.miss(&incoming).is_none()
    };
    let bound: Vec<&Rule> = rules.iter().filter(bound).copied().collect();
    let alive = bound.iter().find(|rule| rule.miss(&incoming).is_none());
    let gone = bound.iter().find(|rule| rule.miss(&incoming) == Some(Miss::Gone));
    let Some(rule) = alive.or(gone) else {
        return Ok(Verdict::Pass(words!(
            "no rule for Ollama is bound to an adapter",
            "aucune règle pour Ollama n'est liée à un adaptateur"
        )));
    };
    let problem = let_wsl_in(&view).into_iter().fold(bound_to(rule, alive.is_some()), Problem::cured_by);
    Ok(view.verdict(problem, alive.is_none() && view.symptom == Symptom::Silence))
}

fn bound_to(rule: &Rule, alive: bool) -> Problem {
    let name = &rule.name;
    let what = if alive {
        words!(
            "the firewall rule `{name}` is bound to WSL's adapter, which Windows makes anew when it restarts: it will be lost then",
            "la règle de pare-feu `{name}` est liée à l'adaptateur de WSL, que Windows recrée à chaque redémarrage : elle sera \
             alors sans effet"
        )
    } else {
        words!(
            "the firewall rule `{name}` is bound to an adapter that is gone: it lets nobody in any more",
            "la règle de pare-feu `{name}` est liée à un adaptateur disparu : elle ne laisse plus entrer personne"
        )
    };
    rule.interfaces.iter().fold(Problem::new(what), |problem, binding| {
        let binding = binding.text();
        problem.because(words!("bound to {binding}", "liée à {binding}"))
    })
}

fn judge_firewall(facts: &Facts) -> Result<Verdict, Verdict> {
    let view = begin(facts)?;
    let place = view.place();
    match view.symptom {
        Symptom::Answered => return Ok(Verdict::Pass(lets_us_in(&view))),
        Symptom::Refused | Symptom::Dropped | Symptom::Foreign | Symptom::Loop => {
            return Ok(Verdict::Pass(words!(
                "packets come back from {place}: no firewall is in the way",
                "des paquets reviennent de {place} : aucun pare-feu ne s'interpose"
            )));
        }
        Symptom::Silence | Symptom::Unreachable | Symptom::Untried => {}
    }
    if let Some(verdict) = unfiltered(&view) {
        return Ok(verdict);
    }
    if public(&view).is_some_and(|profile| !profile.blocks_inbound) {
        return Ok(Verdict::Pass(words!(
            "the Windows firewall lets in what no rule blocks",
            "le pare-feu de Windows laisse entrer ce qu'aucune règle ne bloque"
        )));
    }
    let rules = rules(&view)?;
    if let Some(rule) = rules.iter().find(|rule| admits(rule, &view)) {
        let name = &rule.name;
        return Ok(Verdict::Pass(words!("the rule `{name}` lets WSL in", "la règle `{name}` laisse entrer WSL")));
    }
    Ok(no_rule(&view, &rules))
}

fn no_rule(view: &View<'_>, rules: &[&Rule]) -> Verdict {
    let (port, from) = (view.port, view.prefix().unwrap_or_else(|| "WSL".to_owned()));
    let mut problem = Problem::new(words!(
        "no rule of the Windows firewall lets {from} in on port {port}",
        "aucune règle du pare-feu de Windows ne laisse entrer {from} sur le port {port}"
    ));
    for rule in rules.iter().filter(|rule| rule.allows && rule.is_about(port)) {
        problem = rule
            .miss(&view.incoming())
            .into_iter()
            .fold(problem, |problem, miss| problem.because(near(rule, miss, view)));
    }
    let listens = view.listeners().map_or(true, |listeners| !listeners.is_empty());
    let problem = if let Some(remedy) = let_wsl_in(view) {
        problem.cured_by(remedy)
    } else {
        problem.cured_by(Remedy::by_hand(words!(
            "allow TCP port {port} on Windows for WSL's network alone (`ip -4 address show eth0` tells which)",
            "autoriser sous Windows le port TCP {port} au seul réseau de WSL (`ip -4 address show eth0` dit lequel)"
        )))
    };
    view.verdict(problem.cured_by(mirrored()), listens && view.symptom == Symptom::Silence)
}

/// Why a rule that was meant for Ollama does not let us in.
fn near(rule: &Rule, miss: Miss, view: &View<'_>) -> Words {
    let name = &rule.name;
    let us = view.facts.network.own_address().map_or_else(|| "WSL".to_owned(), |own| own.to_string());
    match miss {
        Miss::Program => {
            let program = rule.program.as_deref().unwrap_or("*");
            words!("`{name}` is for another program: {program}", "`{name}` vise un autre programme : {program}")
        }
        Miss::Port => {
            let ports = rule.ports.join(", ");
            words!("`{name}` is for other ports: {ports}", "`{name}` vise d'autres ports : {ports}")
        }
        Miss::Authenticated => words!("`{name}` asks for IPsec", "`{name}` exige IPsec"),
        Miss::Profile => {
            let profiles = rule.profiles.join(", ");
            words!(
                "`{name}` is for the profile {profiles}, and WSL's adapter is {WSL_PROFILE}",
                "`{name}` vise le profil {profiles}, et l'adaptateur de WSL est {WSL_PROFILE}"
            )
        }
        Miss::Interface | Miss::Gone => {
            let bound: Vec<&str> = rule.interfaces.iter().map(super::super::Binding::text).collect();
            let bound = bound.join(", ");
            words!("`{name}` is bound to another adapter: {bound}", "`{name}` est liée à un autre adaptateur : {bound}")
        }
        Miss::Local => {
            let local = rule.local.join(", ");
            words!("`{name}` is for {local} of Windows only", "`{name}` ne vise que {local} de Windows")
        }
        Miss::Remote => {
            let remote = rule.remote.join(", ");
            words!("`{name}` lets in {remote}, not {us}", "`{name}` laisse entrer {remote}, pas {us}")
        }
    }
}

/// Ollama has answered: what remains to be said is who else gets in.
fn lets_us_in(view: &View<'_>) -> Words {
    let rules = rules(view).unwrap_or_default();
    match rules.iter().find(|rule| admits(rule, view) && rule.remote.is_empty()) {
        Some(rule) => {
            let name = &rule.name;
            words!(
                "the firewall lets WSL in; the rule `{name}` lets in everybody else, too",
                "le pare-feu laisse entrer WSL ; la règle `{name}` laisse entrer tous les autres aussi"
            )
        }
        None => words!("the firewall lets WSL in", "le pare-feu laisse entrer WSL"),
    }
}
