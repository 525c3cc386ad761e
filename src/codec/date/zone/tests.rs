use super::*;
use crate::codec::date::{parse_date, parse_datetime};

/// Each line has a DATE or DATETIME and the milliseconds that mysql2 gave for it in Node.
fn check(option: &str, local: LocalZone, cases: &str) {
    let zone = Zone::new(option, Some(&local)).unwrap();
    for line in cases.lines().skip(1) {
        let (text, expected) = line.trim().split_once(" = ").unwrap();
        let found = match parse_date(text.as_bytes()) {
            Some(date) => zone.date_ms(date.year, date.month, date.day),
            None => zone.datetime_ms(&parse_datetime(text.as_bytes()).unwrap()),
        };
        assert_eq!(found.to_string(), expected, "{text} {option} {local:?}");
    }
}

/// Offsets in seconds: the first, then those from a UTC time on.
fn zone(first: i64, changes: &[(&str, i64)]) -> LocalZone {
    let changes = changes.iter().map(|(text, offset)| {
        let at = parse_datetime(text.as_bytes()).unwrap();
        (Zone(Kind::Utc).datetime_ms(&at) as i64, offset * 1_000)
    });
    LocalZone {
        first: first * 1_000,
        changes: changes.collect(),
    }
}

/// Adds two changes a year from 2007 to 2128: at a UTC hour of the first Sunday from a day of a
/// month on, the offset in seconds.
fn every_year(mut zone: LocalZone, rules: [(u8, u8, i64, i64); 2]) -> LocalZone {
    for year in 2007..=2128 {
        for (month, day, hour, offset) in rules {
            let day = days(year, month, day);
            let sunday = day + (3 - day).rem_euclid(7);
            let at = sunday * DAY_MS + hour * 3_600_000;
            zone.changes.push((at, offset * 1_000));
        }
    }
    zone
}

fn new_york() -> LocalZone {
    let history = zone(-17_762, &[("1883-11-18 17:00:00", -18_000)]);
    every_year(history, [(3, 8, 7, -14_400), (11, 1, 6, -18_000)])
}

fn amsterdam() -> LocalZone {
    every_year(zone(3_600, &[]), [(3, 25, 1, 7_200), (10, 25, 1, 3_600)])
}

fn utc() -> LocalZone {
    zone(0, &[])
}

#[test]
fn skipped_local_times_use_the_offset_before_and_repeated_ones_are_the_first() {
    check(
        "local",
        new_york(),
        "
         2024-03-10 02:30:00 = 1710055800000
         2024-11-03 01:30:00 = 1730611800000
         2024-11-03 02:00:00 = 1730617200000",
    );
    check(
        "local",
        zone(
            39_600,
            &[
                ("2024-04-06 15:00:00", 37_800),
                ("2024-10-05 15:30:00", 39_600),
            ],
        ),
        "
         2024-10-06 02:15:00 = 1728143100000
         2024-04-07 01:45:00 = 1712414700000
         2024-04-07 02:00:00 = 1712417400000",
    );
    check(
        "local",
        amsterdam(),
        "
         2024-03-31 02:00:00 = 1711846800000
         2024-10-27 02:00:00 = 1729987200000",
    );
    check(
        "local",
        zone(
            -10_800,
            &[
                ("2017-10-15 03:00:00", -7_200),
                ("2018-02-18 02:00:00", -10_800),
                ("2018-11-04 03:00:00", -7_200),
            ],
        ),
        "
         2018-11-04 = 1541300400000
         2018-02-17 23:30:00 = 1518917400000",
    );
}

#[test]
fn local_time_follows_history_and_rules_far_ahead() {
    check(
        "local",
        new_york(),
        "
         1000-01-01 = -30610206238000
         1883-11-18 12:00:00 = -2717651038000
         9999-07-01 00:00:00 = 253386417600000",
    );
    check(
        "local",
        zone(
            25_632,
            &[
                ("1923-12-31 16:40:00", 26_400),
                ("1932-10-31 16:40:00", 27_000),
                ("1942-03-22 16:30:00", 32_400),
                ("1945-09-22 15:00:00", 27_000),
                ("1948-04-30 16:30:00", 28_800),
                ("1950-04-30 16:00:00", 27_000),
                ("1963-12-31 16:30:00", 25_200),
            ],
        ),
        "
         2024-01-01 00:00:00 = 1704042000000
         1940-01-01 00:00:00 = -946798200000
         1942-06-01 = -870598800000",
    );
    check(
        "local",
        zone(
            -39_600,
            &[
                ("2011-09-24 14:00:00", -36_000),
                ("2011-12-30 10:00:00", 50_400),
            ],
        ),
        "
         2011-12-29 23:59:59 = 1325239199000
         2011-12-30 12:00:00 = 1325282400000
         2011-12-31 = 1325239200000",
    );
    check(
        "local",
        amsterdam(),
        "
         3024-03-31 02:30:00 = 33268753800000",
    );
}

#[test]
fn odd_dates_come_out_as_in_mysql2() {
    check(
        "local",
        new_york(),
        "
         2024-07-01 12:00:00.123999 = 1719849600123
         2024-02-30 00:00:00 = 1709269200000
         0000-00-00 = -2211735600000
         2023-00-15 = 1671080400000
         2023-05-00 = 1682827200000
         0100-01-00 = 946616400000
         0005-06-07 01:02:03 = 1178427723000
         0031-01-01 00:00:00 = NaN
         0045-01-01 00:00:00 = 2366859600000
         0075-01-01 00:00:00 = 157784400000",
    );
    check(
        "Z",
        utc(),
        "
         0000-00-00 = -2211753600000
         0045-01-01 = -788918400000
         2023-00-00 = 1669766400000
         2024-02-31 = 1709337600000
         0000-00-00 00:00:00 = NaN
         2024-00-01 00:00:00 = NaN
         2024-02-31 10:00:00.999999 = 1709373600999",
    );
    check(
        "+05:30",
        utc(),
        "
         0000-00-00 = NaN
         0045-01-01 = -60747082200000
         2023-00-15 = NaN
         2024-02-31 = 1709317800000
         2024-01-01 00:00:00 = 1704047400000
         0075-01-01 00:00:00 = 157746600000",
    );
}

#[test]
fn an_unusable_option_is_an_error_that_names_it() {
    for option in ["+7", "+24:00", "Asia/Jakarta", ""] {
        let error = Zone::new(option, Some(&utc())).unwrap_err();
        assert!(error.contains(&format!("{option:?}")), "{error}");
    }
    let error = Zone::new("local", None).unwrap_err();
    assert!(error.contains("localZone"), "{error}");
}

#[test]
fn a_year_past_the_told_ones_has_the_changes_of_a_year_with_its_calendar() {
    let told = amsterdam();
    let zone = Zone::new("local", Some(&told)).unwrap();
    let Zone(Kind::Local(offsets)) = zone else {
        panic!("not a local zone")
    };
    for year in 2129..TABLE_END_YEAR {
        let last_sunday = |month| {
            let day = days(year, month, 25);
            (day + (3 - day).rem_euclid(7)) * DAY_MS
        };
        let (spring, autumn) = (last_sunday(3), last_sunday(10));
        for (wall, offset) in [
            (spring + 3 * 3_600_000 - 1, 3_600_000),
            (spring + 3 * 3_600_000, 7_200_000),
            (autumn + 3 * 3_600_000 - 1, 7_200_000),
            (autumn + 3 * 3_600_000, 3_600_000),
        ] {
            assert_eq!(wall - offsets.utc(wall), offset, "{year}");
            let later = wall + 3 * CYCLE_MS;
            assert_eq!(later - offsets.utc(later), offset, "{year} and 1200 years");
        }
    }
}
