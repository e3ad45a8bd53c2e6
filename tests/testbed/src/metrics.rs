//! The Prometheus text format 0.0.4, read strictly: what a forgiving scraper would let pass
//! is an error here.

use std::collections::{BTreeMap, BTreeSet};

/// A page of metrics that is well-formed.
#[derive(Clone, Debug)]
pub struct Page {
    text: String,
    samples: Vec<Sample>,
}

/// One line with a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The metric.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

impl Sample {
    /// A label's value; empty where there is none, as in Prometheus.
    #[must_use]
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    fn has(&self, labels: &[(&str, &str)]) -> bool {
        labels.iter().all(|(name, value)| self.label(name) == *value)
    }
}

impl Page {
    /// Reads a page: HELP and TYPE once and first for each family, families in one piece,
    /// no series twice, every escape known, a line feed at the end.
    ///
    /// # Errors
    /// The line and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader::default();
        for (number, line) in text.lines().enumerate() {
            reader.line(line).map_err(|problem| format!("line {}: {problem}: {line}", number + 1))?;
        }
        if !text.is_empty() && !text.ends_with('\n') {
            return Err("the last line does not end".to_owned());
        }
        Ok(Self { text: text.to_owned(), samples: reader.samples })
    }

    /// The page as it was.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All of them.
    #[must_use]
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// All samples of a metric.
    #[must_use]
    pub fn series(&self, name: &str) -> Vec<&Sample> {
        self.samples.iter().filter(|sample| sample.name == name).collect()
    }

    /// The samples of a metric that have these labels.
    #[must_use]
    pub fn with(&self, name: &str, labels: &[(&str, &str)]) -> Vec<&Sample> {
        self.samples.iter().filter(|sample| sample.name == name && sample.has(labels)).collect()
    }

    /// The value of the only series with these labels; `None` where there is none.
    ///
    /// # Panics
    /// When there are several.
    #[must_use]
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let found = self.with(name, labels);
        assert!(found.len() < 2, "{name} with {labels:?} is not one series: {found:?}");
        found.first().map(|sample| sample.value)
    }

    /// The metrics that the rules of alerts read, without what changes by itself: what must
    /// stay the same while AWS is not answering.
    #[must_use]
    pub fn alert_relevant(&self) -> Vec<String> {
        let relevant = ["_created_timestamp_seconds{", "_rotation_due_timestamp_seconds{", "_active{", "_info{"];
        let lines = self.text.lines().filter(|line| line.starts_with("aws_iam_access_key_"));
        lines.filter(|line| relevant.iter().any(|part| line.contains(part))).map(str::to_owned).collect()
    }
}

#[derive(Default)]
struct Reader {
    samples: Vec<Sample>,
    seen: BTreeSet<String>,
    helped: BTreeSet<String>,
    types: BTreeMap<String, String>,
    family: String,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), String> {
        if let Some(help) = line.strip_prefix("# HELP ") {
            return self.help(help);
        }
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            return self.kind(kind);
        }
        if line.is_empty() || line.starts_with('#') {
            return Err("neither HELP, TYPE nor a sample".into());
        }
        self.sample(line)
    }

    fn help(&mut self, text: &str) -> Result<(), String> {
        let (name, help) = text.split_once(' ').ok_or("HELP without a text")?;
        if help.trim().is_empty() || !self.helped.insert(name.to_owned()) {
            return Err("HELP is empty or comes twice".into());
        }
        name.clone_into(&mut self.family);
        Ok(())
    }

    fn kind(&mut self, text: &str) -> Result<(), String> {
        let (name, kind) = text.split_once(' ').ok_or("TYPE without a type")?;
        if name != self.family || !["gauge", "counter", "histogram", "summary"].contains(&kind) {
            return Err("TYPE does not follow its HELP, or is none".into());
        }
        match self.types.insert(name.to_owned(), kind.to_owned()) {
            Some(_) => Err("TYPE comes twice".into()),
            None => Ok(()),
        }
    }

    fn sample(&mut self, line: &str) -> Result<(), String> {
        let name_end = line.find(['{', ' ']).ok_or("no value")?;
        let name = &line[..name_end];
        if name != self.family || !self.types.contains_key(name) {
            return Err(format!("a sample outside its family; the family is {}", self.family));
        }
        let (labels, rest) = match line[name_end..].strip_prefix('{') {
            Some(rest) => labels(rest)?,
            None => (BTreeMap::new(), &line[name_end..]),
        };
        let value = rest.strip_prefix(' ').ok_or("no space before the value")?;
        let value = number(value)?;
        if !self.seen.insert(format!("{name}{labels:?}")) {
            return Err("the same series twice".into());
        }
        self.samples.push(Sample { name: name.to_owned(), labels, value });
        Ok(())
    }
}

fn number(text: &str) -> Result<f64, String> {
    match text {
        "+Inf" => Ok(f64::INFINITY),
        "-Inf" => Ok(f64::NEG_INFINITY),
        "NaN" => Ok(f64::NAN),
        _ if text.bytes().all(|byte| b"+-.eE0123456789".contains(&byte)) => {
            text.parse().map_err(|_| "not a number".to_owned())
        }
        _ => Err("not a number".to_owned()),
    }
}

type Labels = BTreeMap<String, String>;

/// Labels up to and with the closing brace, and what follows.
fn labels(mut rest: &str) -> Result<(Labels, &str), String> {
    let mut labels = BTreeMap::new();
    loop {
        let (name, after) = rest.split_once("=\"").ok_or("a label without a value")?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(is_name) || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(format!("{name:?} is no name of a label"));
        }
        let (value, after) = label_value(after)?;
        if labels.insert(name.to_owned(), value).is_some() {
            return Err(format!("the label {name} twice"));
        }
        match (after.strip_prefix('}'), after.strip_prefix(',')) {
            (Some(after), _) => return Ok((labels, after)),
            (_, Some(after)) => rest = after,
            _ => return Err("neither , nor } after a label".into()),
        }
    }
}

/// A value up to its closing quote, and what follows.
fn label_value(text: &str) -> Result<(String, &str), String> {
    let (mut value, mut chars) = (String::new(), text.char_indices());
    while let Some((place, character)) = chars.next() {
        match character {
            '"' => return Ok((value, &text[place + 1..])),
            '\\' => match chars.next() {
                Some((_, '\\')) => value.push('\\'),
                Some((_, '"')) => value.push('"'),
                Some((_, 'n')) => value.push('\n'),
                other => return Err(format!("an escape that is none: {other:?}")),
            },
            _ => value.push(character),
        }
    }
    Err("a value that does not end".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "# HELP a_b Says something.\n# TYPE a_b gauge\n";

    #[test]
    fn a_well_formed_page_is_read() {
        let page = Page::parse(&format!("{HEAD}a_b{{x=\"q\\\"\\\\\\nü\"}} 1\na_b 2.5e3\n")).unwrap();
        assert_eq!(page.value("a_b", &[("x", "q\"\\\nü")]), Some(1.0));
        assert_eq!(page.value("a_b", &[("x", "")]), Some(2500.0));
    }

    #[test]
    fn what_a_forgiving_reader_lets_pass_is_refused() {
        let wrong = [
            "a_b 1\n",
            "# HELP a_b x\na_b 1\n",
            &format!("{HEAD}a_b 1"),
            &format!("{HEAD}a_b 1\na_b 1\n"),
            &format!("{HEAD}a_b{{x=\"1\",x=\"2\"}} 1\n"),
            &format!("{HEAD}a_b{{x=\"\\t\"}} 1\n"),
            &format!("{HEAD}a_b{{x-y=\"1\"}} 1\n"),
            &format!("{HEAD}a_b{{x=\"1\"}}  1\n"),
            &format!("{HEAD}a_b one\n"),
            &format!("{HEAD}\na_b 1\n"),
            &format!("{HEAD}{HEAD}a_b 1\n"),
        ];
        for page in wrong {
            assert!(Page::parse(page).is_err(), "{page}");
        }
    }
}
