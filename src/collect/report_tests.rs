use super::*;

const HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,\
password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,\
access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,\
access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,\
cert_1_last_rotated,cert_2_active,cert_2_last_rotated";
const ROOT: &str = "<root_account>,arn:aws:iam::111122223333:root,2019-02-01T10:00:00Z,true,2026-01-05T09:00:00Z,\
2019-02-01T10:00:00Z,not_supported,true,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A";
const BOT: &str = "ci-bot,arn:aws:iam::111122223333:user/ci/ci-bot,2024-03-01T08:00:00Z,false,N/A,N/A,N/A,false,\
true,2024-03-01T08:00:05Z,2026-09-10T04:10:00Z,us-east-1,s3,false,2023-12-01T00:00:00Z,N/A,N/A,N/A,false,N/A,false,N/A";

fn report(lines: &[&str]) -> Result<Report, ReportError> {
    parse(lines.join("\n").as_bytes())
}

#[test]
fn the_live_shape_is_read() {
    let report = report(&[HEADER, ROOT, BOT]).unwrap();
    assert_eq!(report.root, Some(vec![]));
    let [row] = &report.rows[..] else { panic!("{report:?}") };
    assert_eq!((&*row.user, &*row.path), ("ci-bot", "/ci/"));
    let used = Use { at: 1_789_013_400, service: "s3".into(), region: "us-east-1".into() };
    let first = Slot { number: 1, created: 1_709_280_005, status: Status::Active, last_use: LastUse::Used(used) };
    let second = Slot { number: 2, created: 1_701_388_800, status: Status::Inactive, last_use: LastUse::Never };
    assert_eq!(row.slots, [first, second]);
}

#[test]
fn other_columns_offsets_and_spellings_are_read_the_same() {
    let header = format!("{HEADER},additional_credentials_info");
    let root = format!("{ROOT},N/A");
    let bot = BOT.replace("05Z", "05+00:00").replace(",true,", ",TRUE,").replace("N/A", "no_information");
    let other = report(&[&header, &root, &format!("{bot},N/A")]).unwrap();
    assert_eq!(other, report(&[HEADER, ROOT, BOT]).unwrap());
}

#[test]
fn quoted_fields_and_a_trailing_newline_are_read() {
    let quoted = BOT.replacen("ci-bot", "\"ci-bot\"", 1);
    assert_eq!(report(&[HEADER, ROOT, &quoted, ""]).unwrap(), report(&[HEADER, ROOT, BOT]).unwrap());
}

#[test]
fn root_keys_are_told_apart_from_users() {
    let root = ROOT.replacen("false,N/A", "true,2020-01-01T00:00:00Z", 1);
    let report = report(&[HEADER, &root]).unwrap();
    assert_eq!(report.root.unwrap().len(), 1);
    assert!(report.rows.is_empty());
}

#[test]
fn what_cannot_be_a_report_is_an_error() {
    assert_eq!(parse(b""), Err(ReportError::Empty));
    assert_eq!(report(&[HEADER]), Err(ReportError::Empty));
    assert_eq!(report(&[HEADER, ROOT, ROOT]), Err(ReportError::Root(2)));
    assert_eq!(report(&[HEADER, ROOT, BOT, BOT]), Err(ReportError::Twice("ci-bot".into())));
    assert_eq!(report(&[HEADER, BOT]).unwrap().root, None);
    let cut = format!("{HEADER}\n{ROOT}\n{}", &BOT[..120]);
    assert!(matches!(parse(cut.as_bytes()), Err(ReportError::Csv(_))));
    let column = HEADER.replace("access_key_2_active", "access_key_2_on");
    assert_eq!(report(&[&column, ROOT]), Err(ReportError::Column("access_key_2_active".into())));
}

#[test]
fn a_wrong_value_is_told_with_its_place() {
    let bot = BOT.replacen("2024-03-01T08:00:05Z", "yesterday", 1);
    let error = report(&[HEADER, ROOT, &bot]).unwrap_err().to_string();
    assert_eq!(
        error,
        "line 3 of the credential report, column \"access_key_N_last_rotated\": found \"yesterday\", \
         expected a date such as 2026-09-11T13:14:52Z"
    );
}

#[test]
fn an_active_key_without_a_date_is_an_error_and_no_key_at_all_is_none() {
    let bot = BOT.replacen("2024-03-01T08:00:05Z", "N/A", 1);
    assert!(report(&[HEADER, ROOT, &bot]).is_err());
    let bot = bot.replacen("true,N/A", "false,N/A", 1);
    assert_eq!(report(&[HEADER, ROOT, &bot]).unwrap().rows[0].slots.len(), 1);
}

#[test]
fn the_path_comes_from_the_arn() {
    assert_eq!(path("arn:aws:iam::1:user/a"), "/");
    assert_eq!(path("arn:aws-cn:iam::1:user/x/y/a"), "/x/y/");
    assert_eq!(path(""), "/");
}

#[test]
fn a_row_may_say_that_the_user_has_more_credentials_than_columns() {
    let header = format!("{HEADER},additional_credentials_info");
    let bot = format!("{BOT},\"1 more, see ListAccessKeys\"");
    assert!(report(&[&header, &format!("{ROOT},N/A"), &bot]).unwrap().rows[0].has_more);
    assert!(!report(&[HEADER, ROOT, BOT]).unwrap().rows[0].has_more);
}

/// A short run of what `make fuzz` does for long: the kept corpus, and each of it spoilt at random.
#[test]
fn no_content_whatever_makes_an_unsound_report() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/corpus/credential_report");
    let mut files: Vec<_> = std::fs::read_dir(corpus).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let mut rng = fastrand::Rng::with_seed(1);
    for file in &files {
        let content = std::fs::read(file).unwrap();
        assert_sound(&content);
        (0..500).for_each(|_| assert_sound(&spoilt(&content, &mut rng)));
    }
    assert!(files.len() >= 10, "the corpus is gone");
}

fn spoilt(content: &[u8], rng: &mut fastrand::Rng) -> Vec<u8> {
    let mut content = content.to_vec();
    for _ in 0..rng.usize(1..4) {
        let (from, to) = (rng.usize(..=content.len()), rng.usize(..=content.len()));
        let (from, to) = (from.min(to), from.max(to).min(from.min(to) + 64));
        match rng.u32(..5) {
            0 => content.truncate(from),
            1 => drop(content.drain(from..to)),
            2 => content[from..to].fill(*rng.choice(b",\"\n\r0\xff").unwrap()),
            3 => content
                .splice(from..from, [",", "\n", "\"", "true", "N/A", "\0"][rng.usize(..6)].bytes())
                .for_each(drop),
            _ => content.extend_from_within(from..to),
        }
    }
    content
}
