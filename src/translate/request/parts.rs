//! The contents of a message or of an output: texts, images, files.

use std::borrow::Cow;

use serde_json::Value;

use super::history::Place;
use super::{Api, Facts, Loss, Why, base64};

/// What stands where an image could not stay.
const LEFT_OUT: &str = "[image left out: this model cannot see images]";
const NOT_HERE: &str = "[image left out: it could not be loaded]";

#[derive(Debug, Default)]
pub(super) struct Content<'a> {
    pub(super) texts: Vec<Cow<'a, str>>,
    pub(super) images: Vec<Cow<'a, str>>,
}

/// Which images a model can be shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Images {
    seen: bool,
    /// The server fetches addresses; Ollama's own API does not.
    fetched: bool,
}

impl Images {
    pub(super) fn new(api: Api, facts: &Facts) -> Self {
        Self { seen: facts.vision != Some(false), fetched: api == Api::Chat }
    }
}

impl<'a> Content<'a> {
    pub(super) fn text(self) -> Cow<'a, str> {
        joined(self.texts, "\n")
    }

    /// `path` is the field that holds the content, such as `content` or `output`.
    pub(super) fn read(
        value: Option<&'a Value>,
        place: Place,
        path: &str,
        images: Images,
        losses: &mut Vec<Loss>,
    ) -> Self {
        let mut content = Self::default();
        match value {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => content.texts.push(Cow::Borrowed(text)),
            Some(Value::Array(parts)) => {
                for (index, part) in parts.iter().enumerate() {
                    let at = || format!("{place}.{path}[{index}]");
                    content.add(part, images, |why| losses.push(Loss::at(at(), why)));
                }
            }
            Some(part @ Value::Object(_)) => {
                content.add(part, images, |why| losses.push(Loss::at(format!("{place}.{path}"), why)));
            }
            Some(other @ (Value::Bool(_) | Value::Number(_))) => content.texts.push(Cow::Owned(other.to_string())),
        }
        content
    }

    fn add(&mut self, part: &'a Value, images: Images, mut lose: impl FnMut(Why)) {
        let text = |key: &str| part.get(key).and_then(Value::as_str);
        match text("type").unwrap_or_default() {
            "input_text" | "output_text" | "text" | "summary_text" | "reasoning_text" => match text("text") {
                Some(text) => self.texts.push(Cow::Borrowed(text)),
                None => lose(Why::Malformed),
            },
            "refusal" => match text("refusal") {
                Some(refusal) => self.texts.push(Cow::Borrowed(refusal)),
                None => lose(Why::Malformed),
            },
            "input_image" | "image_url" | "output_image" | "computer_screenshot" => match image(part, images) {
                Ok(url) => self.images.push(Cow::Borrowed(url)),
                Err(why) => {
                    self.texts.push(Cow::Borrowed(if why == Why::Blind { LEFT_OUT } else { NOT_HERE }));
                    lose(why);
                }
            },
            "input_file" => self.texts.push(Cow::Owned(file(part).unwrap_or_else(|| {
                lose(Why::File);
                format!("[file left out: {}]", name_of(part))
            }))),
            // A part without a type, such as one command's result of `shell_call_output`, is told as it stands.
            "" => {
                let said = part.as_str().or(text("text")).or(text("content"));
                self.texts.push(said.map_or_else(|| Cow::Owned(part.to_string()), Cow::Borrowed));
            }
            other => {
                if let Some(text) = text("text") {
                    self.texts.push(Cow::Borrowed(text));
                }
                lose(Why::NoEquivalent(other.to_owned()));
            }
        }
    }
}

/// Most contents are one text: that one is not copied.
pub(super) fn joined<'a>(mut texts: Vec<Cow<'a, str>>, between: &str) -> Cow<'a, str> {
    match texts.len() {
        0 => Cow::Borrowed(""),
        1 => texts.remove(0),
        _ => Cow::Owned(texts.join(between)),
    }
}

fn image(part: &Value, images: Images) -> Result<&str, Why> {
    if !images.seen {
        return Err(Why::Blind);
    }
    let url = part.get("image_url").and_then(|url| url.as_str().or_else(|| url.get("url")?.as_str()));
    let Some(url) = url else { return Err(Why::ImageElsewhere) };
    match url.split_once(':') {
        Some(("data", data)) => match data.split_once(";base64,") {
            Some((_, data)) if base64::is_valid(data) => Ok(url),
            _ => Err(Why::ImageBroken),
        },
        Some(("http" | "https", _)) if images.fetched => Ok(url),
        Some(("http" | "https", _)) => Err(Why::ImageElsewhere),
        _ => Err(Why::ImageBroken),
    }
}

/// A file's text between tags with its name, if it has one.
fn file(part: &Value) -> Option<String> {
    let data = part.get("file_data").and_then(Value::as_str)?;
    let encoded = match data.strip_prefix("data:") {
        Some(url) => url.split_once(";base64,")?.1,
        None => data,
    };
    let text = String::from_utf8(base64::decode(encoded)?).ok()?;
    let is_text = !text.chars().any(|c| c.is_control() && !c.is_whitespace());
    is_text.then(|| tagged("file", &[("name", name_of(part))], &text))
}

fn name_of(part: &Value) -> &str {
    ["filename", "file_url", "file_id"].iter().find_map(|key| part.get(key)?.as_str()).unwrap_or("without a name")
}

/// `<tag name="…">⏎text⏎</tag>`. Values lose what would end an attribute; empty ones are not said.
pub(super) fn tagged(tag: &str, attributes: &[(&str, &str)], text: &str) -> String {
    let mut all = format!("<{tag}");
    for (key, value) in attributes.iter().filter(|(_, value)| !value.is_empty()) {
        let value: String = value.chars().filter(|c| !c.is_control() && !matches!(c, '"' | '<' | '>')).collect();
        all.extend([" ", key, "=\"", &value, "\""]);
    }
    all.extend([">\n", text, if text.ends_with('\n') || text.is_empty() { "</" } else { "\n</" }, tag, ">"]);
    all
}
