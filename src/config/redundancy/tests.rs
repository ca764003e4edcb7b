//! What is written is read back.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use super::*;
use crate::config::{platform, translation};
use crate::domain::configuration::Mode;
use crate::domain::lease::Limits;
use crate::domain::service_address::Interface;
use crate::domain::translation::TranslationEntry;

proptest! {
    #[test]
    fn what_is_written_is_read_back(configuration in configurations()) {
        let (config, table) = (write(&configuration), translation::to_yaml(&configuration.translation));
        let read = read(Path::new("config.yaml"), &config, &builtin).map_err(|problems| texts(&problems));
        let table = translation::from_yaml(Path::new("translation.yaml"), &table).map_err(|problems| texts(&problems));
        let again = Configuration { translation: table.unwrap(), ..read.unwrap() };
        prop_assert_eq!(again, configuration);
    }
}

#[test]
fn every_key_that_is_missing_is_told_beside_everything_else() {
    let told =
        read(Path::new("c.yaml"), "# nothing\nssh: {port: 0}\nnetwork_control_adress: [203.0.113.1]\n", &builtin);
    assert_eq!(
        texts(&told.unwrap_err()),
        [
            "c.yaml:2:1: \"alternate\" is missing; write alternate: …",
            "c.yaml:2:1: \"platform\" is missing; write platform: …",
            "c.yaml:2:1: \"primary\" is missing; write primary: …",
            "c.yaml:2:1: \"schema\" is missing; write schema: …",
            "c.yaml:2:13: 0 is not a port; write 1 to 65535",
            "c.yaml:3:1: \"network_control_adress\" is not known here; write network_control_address",
        ]
    );
}

#[test]
fn limits_that_cannot_be_are_refused_with_their_place() {
    let text = "schema: 1\nplatform: mxone\nprimary: {1: {address: 192.0.2.1, host_key: ssh-ed25519 AAAA}}\n\
                alternate: {1: {address: 192.0.2.2}}\nnetwork_control_address: [203.0.113.1]\n\
                takeover: {alternate-from-primary: manual, primary-from-alternate: manual, limits: {LIMIT}}\n";
    let refused = |limit: &str| {
        let problems = read(Path::new("config.yaml"), &text.replace("LIMIT", limit), &builtin).unwrap_err();
        texts(&problems).concat()
    };
    for (limit, told) in [
        ("control-addresses: 2", "2 must answer and there are 1"),
        ("data-age: soon", "\"soon\" is no length of time"),
        ("failback: 10min", "\"failback\" is none of control-addresses"),
    ] {
        let text = refused(limit);
        assert!(text.contains("config.yaml:6:") && text.contains(told), "{text}");
    }
}

fn texts(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

fn builtin(name: &str) -> Result<Platform, Vec<String>> {
    platform::builtin(name).ok_or_else(|| vec![format!("no platform {name}")])
}

prop_compose! {
    fn configurations()(
        (membership, control, translation) in (memberships(), control_addresses(), tables()),
        service_address in proptest::option::of("(10\\.250\\.[1-9]\\.[1-9]/24|2001:db8:ffff::[1-9]/64)"),
        takeover in takeovers(),
        boot in (prop_oneof![Just(WithoutPeer::StayBlocked), Just(WithoutPeer::Open)], 0_u64..=86_400),
        auto_copy in proptest::option::of(auto_copies()),
        bytes_per_second in proptest::option::of(1_u64..),
        topology in btree_set("[ -~]{0,20}|[^\\p{C}]{0,8}", 0..4),
    ) -> Configuration {
        let mut membership = membership;
        let interface: Interface = "eth0".parse().unwrap();
        let service_address = service_address.map(|text| ServiceAddress { address: text.parse().unwrap(), interface });
        let service_address = service_address.into_iter().collect();
        membership.never_block.extend(control.iter().copied());
        Configuration {
            membership,
            network_control_address: control,
            service_address,
            takeover,
            boot: BootPolicy { without_peer: boot.0, grace: Duration::from_secs(boot.1) },
            auto_copy,
            copy: CopyLimits { bytes_per_second },
            topology,
            translation,
        }
    }
}

prop_compose! {
    fn memberships()(
        name in prop_oneof![Just("mxone"), Just("kamailio"), Just("asterisk"), Just("freeswitch")],
        lims in btree_set(2_u16..=124, 0..5),
        keys in vec("(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp256) ([A-Za-z0-9+/]{4}){5,15}", 12),
        is_ipv6 in any::<bool>(),
        (user, port) in ("[a-z_][a-z0-9_.-]{0,20}", 1_u16..),
        identity in proptest::option::of("(/[a-zA-Z0-9 ._:#'\"-]{1,12}){1,3}"),
        (connect, authenticate) in (1_u64..=120, 1_u64..=120),
        never_block in btree_set(addresses(), 0..4),
        turn_away in prop_oneof![Just(TurnAway::Reject), Just(TurnAway::Drop)],
    ) -> Membership {
        let mut servers = BTreeMap::new();
        let mut keys = keys.into_iter();
        for (site, net) in [(Site::Primary, 1), (Site::Alternate, 2)] {
            for lim in std::iter::once(1).chain(lims.iter().copied()) {
                let server = ServerId { site, lim: lim.try_into().unwrap() };
                let address = if is_ipv6 {
                    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, net, 0, 0, 0, 0, lim))
                } else {
                    IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + (u32::from(net) << 16) + u32::from(lim)))
                };
                let key = keys.next().map(|key| key.parse().unwrap());
                let host_key = key.filter(|_| server != ServerId::first_of(Site::Alternate));
                servers.insert(server, ServerCard { address, host_key });
            }
        }
        let ssh = SshAccess {
            user,
            port,
            identity: identity.map(PathBuf::from),
            connect_timeout: Duration::from_secs(connect),
            authenticate_timeout: Duration::from_secs(authenticate),
        };
        Membership { platform: platform::builtin(name).unwrap(), ssh, servers, never_block, turn_away }
    }
}

prop_compose! {
    fn auto_copies()(
        schedule in prop_oneof![
            "[0-5]?[0-9] 1?[0-9] \\* \\* [0-7]",
            "\\*/[1-9] [1-9]-[1-2][0-3] 1,1[0-5] (jan|feb|3) \\*",
            Just("@daily".to_owned()),
            Just("30 0 2 * * 1-5".to_owned()),
        ],
        zone in prop_oneof![Just(chrono_tz::UTC), Just(chrono_tz::Europe::Stockholm), Just(chrono_tz::America::St_Johns)],
        delay in 0_u64..=86_400,
    ) -> AutoCopy {
        AutoCopy { schedule: schedule.parse().unwrap(), zone, random_delay: Duration::from_secs(delay) }
    }
}

prop_compose! {
    fn takeovers()(
        (alternate_from_primary, primary_from_alternate) in (modes(), modes()),
        (control_fall, health_fall, hours) in (1_u32..=120, 1_u32..=120, 1_u64..=500),
        (guard, hold_off) in (0_u64..=604_800, 0_u64..=600),
        return_after in proptest::option::of(1_u64..=604_800),
    ) -> TakeoverSettings {
        let of = Duration::from_secs;
        let limits = Limits {
            control_fall,
            health_fall,
            data_limit: of(hours * 3600),
            guard: of(guard),
            hold_off: of(hold_off),
            return_after: return_after.map(of),
            ..Limits::default()
        };
        TakeoverSettings { alternate_from_primary, primary_from_alternate, limits }
    }
}

fn modes() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Manual), Just(Mode::Automatic)]
}

fn control_addresses() -> impl Strategy<Value = Vec<IpAddr>> {
    btree_set(addresses(), 1..4).prop_map(|set| set.into_iter().collect())
}

fn addresses() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        (1_u8..=223, any::<[u8; 3]>()).prop_map(|(a, [b, c, d])| IpAddr::V4(Ipv4Addr::new(a, b, c, d))),
        any::<[u16; 7]>().prop_map(|[a, b, c, d, e, f, g]| IpAddr::V6(Ipv6Addr::new(0x2001, a, b, c, d, e, f, g))),
    ]
}

fn tables() -> impl Strategy<Value = TranslationTable> {
    let entry = prop_oneof![
        (1_u8..=223, any::<[u8; 3]>(), 8_u8..=32).prop_map(|(a, rest, len)| {
            let side = |first: u8| format!("{first}.{}.{}.{}", rest[0], rest[1], rest[2]).parse().unwrap();
            let network = |first| ipnet::IpNet::new(side(first), len).unwrap().trunc();
            TranslationEntry::network(network(a), network(a ^ 1)).ok()
        }),
        any::<u16>().prop_map(|n| format!("2001:db8:{n:x}::/64 -> 2001:db9:{n:x}::/64").parse().ok()),
    ];
    vec(entry, 0..8).prop_map(|entries| {
        let mut table = TranslationTable::default();
        for entry in entries.into_iter().flatten() {
            table.set(entry);
        }
        table
    })
}
