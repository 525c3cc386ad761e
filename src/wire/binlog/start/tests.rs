use super::*;

fn settings(changes: &[(&str, &str)]) -> BTreeMap<String, String> {
    let good = [
        ("log_bin", "ON"),
        ("binlog_format", "ROW"),
        ("log_slave_updates", "OFF"),
        ("wsrep_on", "OFF"),
        ("slaves_running", "0"),
    ];
    good.iter()
        .chain(changes)
        .map(|&(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn status(cells: [&str; 4]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

fn refused<T: std::fmt::Debug>(result: Result<T>) -> String {
    let error = result.expect_err("a refusal");
    assert_eq!(error.kind(), Kind::Binlog);
    error.message().to_owned()
}

#[test]
fn a_log_that_does_not_tell_everything_is_refused_with_what_to_do() {
    assert!(check_settings(&settings(&[])).is_ok());
    for (change, word) in [
        (("log_bin", "OFF"), "log-bin"),
        (("binlog_format", "MIXED"), "MIXED"),
        (("binlog_format", "STATEMENT"), "STATEMENT"),
        (("wsrep_on", "ON"), "log-slave-updates"),
        (("slaves_running", "1"), "log-slave-updates"),
    ] {
        let message = refused(check_settings(&settings(&[change])));
        assert!(message.contains(word), "{message}");
    }
    let replica = [("slaves_running", "1"), ("log_slave_updates", "ON")];
    assert!(check_settings(&settings(&replica)).is_ok());
    assert!(check_settings(&BTreeMap::new()).is_err());
}

#[test]
fn the_end_of_the_log_is_a_file_and_a_position() {
    let place = place(&status(["bin.000001", "4294967295", "", "mysql,sys"])).expect("a place");
    assert_eq!(
        (place.file.as_str(), place.position),
        ("bin.000001", u32::MAX)
    );
}

#[test]
fn an_end_that_can_not_be_used_is_refused() {
    for (cells, word) in [
        (["bin.000001", "4294967296", "", ""], "FLUSH BINARY LOGS"),
        (["bin.000001", "-1", "", ""], "FLUSH BINARY LOGS"),
        (["bin.000001", "4", "shop", ""], "binlog-do-db"),
        (["bin.000001", "4", "", "mysql,shop"], "binlog-ignore-db"),
    ] {
        let message = refused(place(&status(cells)));
        assert!(message.contains(word), "{message}");
    }
    refused(place(&[]));
}

#[test]
fn the_number_of_a_follower_is_in_a_range_that_nobody_uses() {
    let ids: Vec<u32> = (0..8).map(|_| follower().expect("random bytes")).collect();
    assert!(ids.iter().all(|id| *id >= 0xF000_0000));
    assert!(ids.iter().any(|id| *id != ids[0]));
}
