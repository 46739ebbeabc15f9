//! What is asked, in which order, and what it comes to: a table of answers.

use super::*;

fn values() -> Values {
    Values { upstream: Upstream::Auto(11434), port: 11434, translate: false, capture: false }
}

/// WSL in NAT mode with Ollama, two models, Codex and systemd, on which nothing was set up yet.
fn fresh() -> Seen {
    Seen {
        way: Way::Forward,
        now: values(),
        upstream: Upstream::Auto(11434),
        translate_is_set: false,
        port_is_fixed: false,
        port: 11434,
        holder: None,
        models: vec!["qwen3:14b".into(), "gemma3:4b".into()],
        best: Some("qwen3:14b".into()),
        has_codex: true,
        profile: Profile::Missing,
        service: Service::Systemd,
    }
}

/// Questions in the order in which they come, each answered by `answers` or by what is usual.
fn ask_all(talk: &mut Talk, answers: &[(Question, Answer)]) -> Vec<Question> {
    let mut asked = Vec::new();
    // Each answer ends its question.
    for _ in Question::ALL {
        let Some(question) = talk.next() else { break };
        asked.push(question);
        let given = answers.iter().find(|(of, _)| *of == question).map(|(_, answer)| answer.clone());
        let answer = given.unwrap_or_else(|| talk.usual(question));
        talk.answer(question, answer);
    }
    assert_eq!(talk.next(), None, "a question was asked twice");
    asked
}

#[track_caller]
fn check(seen: Seen, given: Choices, answers: &[(Question, Answer)], asked: &[Question], deeds: &Deeds) {
    let mut talk = Talk::new(seen, given);
    assert_eq!(ask_all(&mut talk, answers), asked);
    assert_eq!(&talk.deeds(), deeds);
}

fn recommended() -> Deeds {
    Deeds { config: Some(Values { translate: true, ..values() }), codex: Some("qwen3:14b".into()), service: true }
}

#[test]
fn enter_at_every_question_is_what_is_recommended() {
    check(fresh(), Choices::default(), &[], &Question::ALL, &recommended());
}

#[test]
fn every_step_can_be_skipped() {
    let no = |question| (question, Answer::Yes(false));
    let all = [
        no(Question::Translate),
        (Question::Model, Answer::Model(Pick::Without)),
        no(Question::Capture),
        no(Question::Service),
    ];
    let asked = [Question::Translate, Question::Port, Question::Model, Question::Capture, Question::Service];
    check(fresh(), Choices::default(), &all, &asked, &Deeds { config: Some(values()), codex: None, service: false });
}

#[test]
fn flags_answer_their_questions() {
    let given = Choices {
        translate: Some(false),
        port: Some(11500),
        model: Some(Pick::Named("gemma3:4b".into())),
        test: Some(false),
        codex: Some(true),
        capture: Some(true),
        service: Some(false),
    };
    let config = Values { port: 11500, capture: true, ..values() };
    check(fresh(), given, &[], &[], &Deeds { config: Some(config), codex: Some("gemma3:4b".into()), service: false });
}

#[test]
fn without_a_model_nothing_is_asked_about_one() {
    let seen = Seen { models: Vec::new(), best: None, ..fresh() };
    let asked = [Question::Translate, Question::Port, Question::Capture, Question::Service];
    check(seen, Choices::default(), &[], &asked, &Deeds { codex: None, ..recommended() });
    // A flag that asks for a profile cannot bring a model about.
    let seen = Seen { models: Vec::new(), best: None, ..fresh() };
    let given = Choices { codex: Some(true), ..Choices::default() };
    check(seen, given, &[], &asked, &Deeds { codex: None, ..recommended() });
}

#[test]
fn a_model_that_comes_up_meanwhile_is_asked_about() {
    let given = Choices { model: Some(Pick::Without), ..Choices::default() };
    let mut talk = Talk::new(Seen { models: Vec::new(), best: None, ..fresh() }, given);
    talk.answer(Question::Translate, Answer::Yes(true));
    talk.answer(Question::Port, Answer::Port(11434));
    assert_eq!(talk.next(), Some(Question::Capture));
    talk.learn(vec!["qwen3:14b".into()], Some("qwen3:14b".into()));
    assert_eq!(talk.next(), Some(Question::Model));
    ask_all(&mut talk, &[]);
    assert_eq!(talk.deeds(), recommended());
}

#[test]
fn where_localhost_is_windows_a_forward_is_for_a_translation() {
    let seen = Seen { way: Way::Localhost(11434), port: 11435, ..fresh() };
    let there: Upstream = "127.0.0.1:11434".parse().unwrap();
    let config = Values { upstream: there, port: 11435, translate: true, capture: false };
    check(
        seen.clone(),
        Choices::default(),
        &[],
        &Question::ALL,
        &Deeds { config: Some(config.clone()), ..recommended() },
    );
    let no = [(Question::Translate, Answer::Yes(false))];
    let asked = [Question::Translate, Question::Model, Question::Test, Question::Capture];
    check(seen.clone(), Choices::default(), &no, &asked, &Deeds { config: None, codex: None, service: false });
    // Who wants to see what is said needs one, too: its port is asked about then.
    let capture = [(Question::Translate, Answer::Yes(false)), (Question::Capture, Answer::Yes(true))];
    let asked = [
        Question::Translate,
        Question::Model,
        Question::Test,
        Question::Capture,
        Question::Port,
        Question::Codex,
        Question::Service,
    ];
    let config = Values { translate: false, capture: true, ..config };
    check(seen, Choices::default(), &capture, &asked, &Deeds { config: Some(config), ..recommended() });
}

#[test]
fn what_is_so_already_is_left_so() {
    let done = Seen {
        now: Values { translate: true, ..values() },
        translate_is_set: true,
        profile: Profile::There(Some("qwen3:14b".into())),
        service: Service::Installed,
        ..fresh()
    };
    let nothing = Deeds { codex: None, service: false, ..recommended() };
    check(done.clone(), Choices::default(), &[], &Question::ALL, &nothing);
    // Another model is another profile.
    let other = [(Question::Model, Answer::Model(Pick::Named("gemma3:4b".into())))];
    let renewed = Deeds { codex: Some("gemma3:4b".into()), ..nothing.clone() };
    check(done.clone(), Choices::default(), &other, &Question::ALL, &renewed);
    // What was declined in a file is not proposed anew.
    let declined = Seen { now: values(), ..done };
    check(declined, Choices::default(), &[], &Question::ALL, &Deeds { config: Some(values()), ..nothing });
}

#[test]
fn a_port_that_listen_names_is_not_asked_about() {
    let seen = Seen { port_is_fixed: true, port: 12000, now: Values { port: 12000, ..values() }, ..fresh() };
    let given = Choices { port: Some(13000), ..Choices::default() };
    let mut talk = Talk::new(seen, given);
    assert!(!ask_all(&mut talk, &[]).contains(&Question::Port));
    assert_eq!(talk.deeds().config.unwrap().port, 12000);
}

#[test]
fn what_does_not_fit_this_machine_is_not_recommended() {
    let usual = |seen: Seen, question| {
        let mut talk = Talk::new(seen, Choices::default());
        talk.answer(Question::Model, Answer::Model(Pick::Named("qwen3:14b".into())));
        talk.usual(question)
    };
    assert_eq!(usual(Seen { has_codex: false, ..fresh() }, Question::Codex), Answer::Yes(false));
    assert_eq!(usual(Seen { way: Way::Demo, ..fresh() }, Question::Service), Answer::Yes(false));
    assert_eq!(usual(Seen { service: Service::Profile, ..fresh() }, Question::Service), Answer::Yes(false));
}

#[test]
fn an_answer_of_another_kind_leaves_the_question_open() {
    let mut talk = Talk::new(fresh(), Choices::default());
    talk.answer(Question::Translate, Answer::Port(1));
    assert_eq!(talk.next(), Some(Question::Translate));
}
