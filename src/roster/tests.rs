use super::*;

fn caller() -> Caller {
    Caller { account: "111111111111".into(), arn: "arn:aws:iam::111111111111:user/hub".into(), partition: "aws".into() }
}

fn member(id: &str, name: &str, units: &[&str]) -> Member {
    Member {
        id: id.into(),
        name: name.into(),
        is_active: true,
        units: Some(units.iter().map(|&unit| unit.into()).collect()),
    }
}

fn organization(include: &[&str], exclude: &[&str]) -> Sources {
    let lists = [("include", include), ("exclude", exclude)];
    let lists: String = lists.map(|(key, list)| format!("  {key}: {list:?}\n")).concat();
    let config = crate::config::Config::parse(&format!("organization:\n  role_name: audit/iam-key-exporter\n{lists}"));
    Sources { organization: config.unwrap().organization, ..Sources::default() }
}

fn read(sources: &Sources, members: &[Member]) -> Vec<String> {
    let own = caller();
    let known = Known { own: Some(&own), profiles: BTreeMap::new(), members };
    targets(sources, &known).into_keys().map(|id| id.to_string()).collect()
}

fn members() -> Vec<Member> {
    vec![
        member("111111111111", "hub", &["r-ab12"]),
        member("222222222222", "prod-shop", &["r-ab12", "ou-ab12-prod"]),
        member("333333333333", "prod-pay", &["r-ab12", "ou-ab12-prod", "ou-ab12-pci"]),
        member("444444444444", "sandbox", &["r-ab12", "ou-ab12-play"]),
    ]
}

#[test]
fn every_active_account_is_read_through_the_role_and_the_own_one_directly() {
    let sources = organization(&[], &[]);
    let own = caller();
    let mut members = members();
    members[3].is_active = false;
    let all = targets(&sources, &Known { own: Some(&own), profiles: BTreeMap::new(), members: &members });
    assert_eq!(all.len(), 3);
    assert_eq!(all["111111111111"].door, Door::Own);
    let Door::Role(role) = &all["222222222222"].door else { panic!("{all:?}") };
    assert_eq!(&*role.arn.text, "arn:aws:iam::222222222222:role/audit/iam-key-exporter");
    assert_eq!(all["222222222222"].name.as_deref(), Some("prod-shop"));
}

#[test]
fn units_take_in_what_is_below_them_and_exclusion_wins() {
    assert_eq!(
        read(&organization(&["ou-ab12-prod"], &[]), &members()),
        ["111111111111", "222222222222", "333333333333"]
    );
    assert_eq!(read(&organization(&["ou-ab12-prod"], &["ou-ab12-pci"]), &members()), ["111111111111", "222222222222"]);
    assert_eq!(read(&organization(&["prod-*"], &["333333333333"]), &members()), ["111111111111", "222222222222"]);
    assert_eq!(read(&organization(&["r-ab12"], &["hub", "prod-*"]), &members()), ["444444444444"]);
}

#[test]
fn an_account_that_was_known_before_is_wanted_by_what_is_not_told_of_it() {
    let known = |name: &str| Member { units: None, ..member("222222222222", name, &[]) };
    for include in ["ou-ab12-prod", "prod-*", "222222222222"] {
        assert_eq!(read(&organization(&[include], &[]), &[known("")]).len(), 2, "{include}");
    }
    assert_eq!(read(&organization(&["prod-*"], &[]), &[known("sandbox")]), ["111111111111"]);
    assert_eq!(read(&organization(&["333333333333"], &[]), &[known("")]), ["111111111111"]);
}

#[test]
fn a_listed_account_keeps_its_own_role_and_name() {
    let text = "accounts:\n- { role_arn: 'arn:aws-cn:iam::222222222222:role/other', name: mine }\n";
    let config = crate::config::Config::parse(text).unwrap();
    let sources = Sources { listed: config.accounts, ..organization(&[], &[]) };
    let own = caller();
    let all = targets(&sources, &Known { own: Some(&own), profiles: BTreeMap::new(), members: &members() });
    assert_eq!(all["222222222222"].name.as_deref(), Some("mine"));
    assert_eq!(&*all["222222222222"].partition, "aws-cn");
}

#[test]
fn the_own_account_can_be_left_out() {
    let sources = Sources { own_account: false, ..organization(&[], &[]) };
    assert_eq!(read(&sources, &members()), ["222222222222", "333333333333", "444444444444"]);
}

#[test]
fn shards_share_out_every_account_once_and_evenly() {
    let ids: Vec<_> = (0..3_000_u64).map(|number| format!("{:012}", 100_000_000_000 + number * 7_919)).collect();
    for total in [1, 2, 3, 7] {
        let sizes: Vec<_> =
            (0..total).map(|number| ids.iter().filter(|id| Shard { number, total }.has(id)).count()).collect();
        assert_eq!(sizes.iter().sum::<usize>(), ids.len());
        let fair = ids.len() / total as usize;
        assert!(sizes.iter().all(|size| size.abs_diff(fair) < fair / 5 + 1), "{total}: {sizes:?}");
    }
}

#[test]
fn an_account_stays_in_its_shard_in_every_version() {
    assert_eq!(spread("111122223333"), 12_561_277_818_790_421_933);
}

#[test]
fn a_role_is_looked_for_in_the_partition_that_we_are_in() {
    for partition in ["aws-cn", "aws-us-gov", "aws-iso-b", "aws-eusc"] {
        let own = Caller { partition: partition.into(), ..caller() };
        let sources = organization(&[], &[]);
        let all = targets(&sources, &Known { own: Some(&own), profiles: BTreeMap::new(), members: &members() });
        let Door::Role(role) = &all["222222222222"].door else { panic!("{all:?}") };
        assert!(role.arn.text.starts_with(&format!("arn:{partition}:iam::222222222222:role/")), "{role:?}");
        assert_eq!(RoleArn::parse(&role.arn.text).as_ref(), Some(&role.arn));
    }
}

#[test]
fn the_moments_of_accounts_are_spread_over_the_interval() {
    let minutes = (0..1_000_u64).map(|number| spread(&format!("{}", 200_000_000_000 + number)) % 300_000 / 60_000);
    let mut counts = [0; 5];
    minutes.for_each(|minute| counts[usize::try_from(minute).unwrap()] += 1);
    assert!(counts.iter().all(|count| (150..250).contains(count)), "{counts:?}");
}
