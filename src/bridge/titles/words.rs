//! A line out of what somebody wrote: the first sentence that says what is wanted, as words.

/// Words before the verb, in lower case; longest first where one begins another.
const POLITE: [&str; 40] = [
    "hello",
    "hi",
    "hey",
    "good morning",
    "good evening",
    "bonjour",
    "bonsoir",
    "salut",
    "hallo",
    "please can you",
    "please",
    "can you please",
    "can you",
    "could you please",
    "could you",
    "would you please",
    "would you",
    "will you",
    "i would like you to",
    "i'd like you to",
    "i would like to",
    "i'd like to",
    "i want you to",
    "i want to",
    "i need you to",
    "i need to",
    "help me to",
    "help me",
    "let's",
    "we need to",
    "you should",
    "s'il te plaît",
    "s'il vous plaît",
    "stp",
    "svp",
    "peux-tu",
    "tu peux",
    "pouvez-vous",
    "j'aimerais que tu",
    "bitte",
];

/// Words that nothing should end with.
const DANGLING: [&str; 60] = [
    "a", "an", "the", "of", "in", "on", "at", "to", "for", "with", "from", "by", "and", "or", "but", "because", "so",
    "that", "which", "when", "where", "while", "if", "as", "into", "is", "are", "it", "its", "this", "my", "our",
    "your", "not", "than", "le", "la", "les", "l", "un", "une", "des", "du", "de", "d", "et", "ou", "à", "au", "aux",
    "en", "dans", "sur", "pour", "par", "avec", "que", "qui", "mon", "ma",
];

/// At most `most` characters; empty when there are no words.
pub(super) fn line(said: &str, most: usize) -> String {
    let prose = unwrapped(&without_fences(said));
    let lines = || prose.lines().chain(said.lines()).map(plain).filter(|line| line.chars().any(char::is_alphanumeric));
    // A greeting alone says nothing.
    let found = lines().find_map(|line| {
        let rest = without_politeness(&line);
        (!rest.is_empty()).then(|| rest.to_owned())
    });
    let found = found.or_else(|| lines().next()).unwrap_or_default();
    capitalised(&fit(sentence(&found), most))
}

/// Code in fences is what it is about, not what is wanted.
fn without_fences(said: &str) -> String {
    let mut fenced = false;
    let keep = said.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        fenced ^= is_fence;
        !is_fence && !fenced
    });
    keep.collect::<Vec<_>>().join("\n")
}

/// A line that goes on in the next one, in lower case, is one line with it.
fn unwrapped(text: &str) -> String {
    let mut unwrapped = String::new();
    for line in text.lines() {
        let goes_on =
            line.starts_with(char::is_lowercase) && unwrapped.ends_with(|c: char| c.is_alphanumeric() || c == ',');
        if !unwrapped.is_empty() {
            unwrapped.push(if goes_on { ' ' } else { '\n' });
        }
        unwrapped.push_str(line.trim_end());
    }
    unwrapped
}

/// A line without marks of lists, quotes, headings and emphasis; paths are told by their last part.
fn plain(line: &str) -> String {
    let line =
        line.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '#' | '>' | '-' | '*' | '+' | '•' | '|'));
    let line = without_number(line);
    let line = without_links(line);
    line.split_whitespace().map(word).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// `1. ` or `2) ` before a point of a list, `[x] ` or `[Image #1]`.
fn without_number(line: &str) -> &str {
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let line = if rest.len() < line.len() {
        rest.strip_prefix(['.', ')']).filter(|rest| rest.starts_with(' ')).unwrap_or(line)
    } else {
        line
    };
    let line = line.trim_start();
    let boxed = ["[ ]", "[x]", "[X]"].iter().find_map(|mark| line.strip_prefix(mark));
    let image = line.strip_prefix("[Image #").and_then(|rest| rest.split_once(']')).map(|(_, rest)| rest);
    boxed.or(image).unwrap_or(line)
}

/// `[text](address)` becomes its text.
fn without_links(line: &str) -> String {
    let (mut plain, mut rest) = (String::new(), line);
    while let Some((before, after)) = rest.split_once("](") {
        let Some((address, behind)) = after.split_once(')') else { break };
        let Some((outside, text)) = before.rsplit_once('[') else { break };
        if address.contains(' ') {
            break;
        }
        plain.push_str(outside);
        plain.push_str(text);
        rest = behind;
    }
    plain + rest
}

/// A word without quotes and emphasis.
fn word(word: &str) -> String {
    let kept = |c: &char| {
        !matches!(c, '"' | '“' | '”' | '„' | '«' | '»' | '‹' | '›' | '`' | '*') && !c.is_control() && !is_invisible(*c)
    };
    let word: String = word.chars().filter(kept).collect();
    // An apostrophe stands between letters, emphasis around words, and neither is part of one.
    let word = word.trim_matches(|c| matches!(c, '\'' | '‘' | '’' | '_' | '~'));
    let (body, end) = word.split_at(word.trim_end_matches(['.', ',', ':', ';', '!', '?', ')', ']']).len());
    let (start, body) = body.split_at(body.len() - body.trim_start_matches(['(', '[']).len());
    format!("{start}{}{end}", last_part(body.trim_matches(|c| matches!(c, '\'' | '‘' | '’' | '_' | '~'))))
}

/// Marks of direction and joiners, which nobody sees and which turn a line around.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// `src/net/dial.rs` is `dial.rs`, a URL is its host; `TCP/IP` and `and/or` stay.
fn last_part(word: &str) -> &str {
    if let Some((scheme, rest)) = word.split_once("://") {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        return if scheme.chars().all(|c| c.is_ascii_alphanumeric()) && !host.is_empty() { host } else { word };
    }
    let path = word.strip_prefix('@').unwrap_or(word);
    let path = path.trim_end_matches(['/', '\\']);
    let last = path.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_rooted = ["/", "~/", "./", "../"].iter().any(|root| path.starts_with(root)) || path.get(1..3) == Some(":\\");
    let is_file = last.len() < path.len() && last.trim_start_matches('.').contains('.');
    let is_deep = path.matches(['/', '\\']).count() > 1;
    if !last.is_empty() && (is_rooted || is_file || is_deep) { last } else { word }
}

fn without_politeness(line: &str) -> &str {
    let mut rest = line;
    loop {
        let begins = |phrase: &str| {
            let (start, after) = rest.split_at_checked(phrase.len())?;
            let ends = after.chars().next().is_none_or(|c| !c.is_alphanumeric() && c != '-' && c != '\'');
            (start.to_lowercase() == *phrase && ends).then_some(after)
        };
        match POLITE.iter().find_map(|phrase| begins(phrase)) {
            Some(after) => {
                rest = after.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, ',' | '!' | '.' | ':'));
            }
            None => return rest,
        }
    }
}

/// Up to the first full stop, unless that leaves a word alone.
fn sentence(line: &str) -> &str {
    let ends = line.match_indices(['.', '!', '?', ';', '。', '！', '？']).map(|(at, sign)| at + sign.len());
    let mut ends = ends.filter(|end| line[*end..].starts_with(' ') || line[..*end].ends_with(['。', '！', '？']));
    ends.find(|end| line[..*end].split_whitespace().nth(1).is_some() || !line.is_ascii())
        .map_or(line, |end| &line[..end])
}

/// As many whole words as fit, and no loose end.
fn fit(line: &str, most: usize) -> String {
    let mut fitting = String::new();
    let mut is_cut = false;
    for word in line.split_whitespace() {
        let blank = usize::from(!fitting.is_empty());
        if fitting.chars().count() + blank + word.chars().count() > most {
            // Languages without blanks have long words.
            if fitting.is_empty() {
                fitting.extend(word.chars().take(most));
            }
            is_cut = true;
            break;
        }
        fitting.push_str(&" "[..blank]);
        fitting.push_str(word);
    }
    tidy(&fitting, is_cut).to_owned()
}

fn tidy(line: &str, is_cut: bool) -> &str {
    let mut line = line;
    if line.matches('(').count() > line.matches(')').count() {
        line =
            line.rsplit_once('(').map(|(before, _)| before).filter(|before| !before.trim().is_empty()).unwrap_or(line);
    }
    loop {
        let shorter = line.trim_end_matches(|c: char| c.is_whitespace() || is_end(c));
        let shorter = match shorter.rsplit_once(' ') {
            Some((before, last)) if is_cut && DANGLING.contains(&last.to_lowercase().as_str()) => before,
            Some(_) | None => shorter,
        };
        if shorter.len() == line.len() {
            return line;
        }
        line = shorter;
    }
}

fn is_end(c: char) -> bool {
    matches!(c, '.' | ',' | ':' | ';' | '!' | '?' | '…' | '-' | '–' | '—' | '(' | '[' | '。' | '！' | '？' | '、')
}

/// Code keeps its spelling.
fn capitalised(line: &str) -> String {
    let first = line.split(' ').next().unwrap_or_default();
    let is_code = first.contains(['_', '.', ':', '/', '=']) || first.chars().skip(1).any(char::is_uppercase);
    let mut chars = line.chars();
    match chars.next() {
        // What has no capital of one letter stays: `ß`.
        Some(letter) if !is_code && letter.to_uppercase().count() == 1 => letter.to_uppercase().chain(chars).collect(),
        Some(_) | None => line.to_owned(),
    }
}
