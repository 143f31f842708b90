use super::*;

fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, Problems> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("unstick.toml");
    std::fs::write(&file, text).unwrap();
    let variables = variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    Config::load(Some(&file), variables)
}

fn complaint(text: &str, variables: &[(&str, &str)]) -> String {
    load(text, variables).unwrap_err().to_string()
}

#[test]
fn nothing_said_is_a_good_configuration() {
    let config = load("", &[]).unwrap();
    assert_eq!(config.database_url, "sqlite://data/unstick.db");
    assert_eq!(config.public_origin.as_str(), "http://127.0.0.1:3000");
    let RouterConfig::Embedded { name, pools } = &config.routers[0] else { panic!("not embedded") };
    let names: Vec<_> = pools.iter().map(|pool| (pool.name.as_str(), pool.scope.as_str())).collect();
    assert_eq!((name.as_str(), names), ("embedded", vec![("app", "account"), ("files", "session")]));
}

#[test]
fn the_environment_wins_over_the_file() {
    let config = load("listen = \"127.0.0.1:1\"\npage_size = 20", &[("UNSTICK_LISTEN", "127.0.0.1:2")]).unwrap();
    assert_eq!((config.listen.port(), config.page_size), (2, 20));
    assert_eq!(config.public_origin.as_str(), "http://127.0.0.1:2");
}

#[test]
fn every_problem_is_told_at_once_with_its_line_and_a_suggestion() {
    let text = "databse_url = \"sqlite://x\"\nsession_idle = \"soon\"\npage_size = 2\n\n[[router]]\nname = \"lb\"\nkindd = \"haproxy\"\n";
    let told = complaint(text, &[("UNSTICK_LISTENN", "x")]);
    for part in [
        "unstick.toml line 1",
        "did you mean database_url",
        "line 2",
        "90d",
        "line 3",
        "from 5 to 500",
        "line 7",
        "did you mean kind",
        "UNSTICK_LISTENN",
        "UNSTICK_LISTEN?",
        "no pool",
    ] {
        assert!(told.contains(part), "{part:?} is not in:\n{told}");
    }
}

#[test]
fn a_broken_file_tells_its_line() {
    let told = complaint("listen = \"127.0.0.1:3000\"\nlog = \n", &[]);
    assert!(told.contains("line 2"), "{told}");
}

#[test]
fn clear_text_over_a_network_is_refused() {
    assert!(complaint("listen = \"0.0.0.0:80\"", &[]).contains("TLS"));
    assert!(complaint("listen = \"0.0.0.0:80\"\npublic_origin = \"http://unstick.example\"", &[]).contains("https"));
    assert!(complaint("public_origin = \"http://unstick.example\"", &[]).contains("https"));
    assert!(load("listen = \"0.0.0.0:80\"\npublic_origin = \"https://unstick.example\"", &[]).is_ok());
}

#[test]
fn a_password_in_a_bad_address_is_not_repeated() {
    let told = complaint("database_url = \"mysql://u:hunter2@db/x\"", &[]);
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn a_haproxy_is_read_with_its_defaults() {
    let text = "[[router]]\nname = \"lb-1\"\nkind = \"haproxy\"\nendpoint = \"unix:/run/haproxy.sock\"\n\
                [[router.pool]]\nname = \"app\"\nscope = \"account\"\n\
                [[router.pool]]\nname = \"files\"\nscope = \"session\"\nbackend = \"be_files\"\ntable = \"t_files\"\n";
    let config = load(text, &[]).unwrap();
    let RouterConfig::Haproxy { timeout, pools, .. } = &config.routers[0] else { panic!("not a haproxy") };
    assert_eq!((timeout.secs(), pools[0].table.as_str(), pools[0].backend.as_str()), (2, "app", "app"));
    assert_eq!((pools[1].table.as_str(), pools[1].backend.as_str()), ("t_files", "be_files"));
}

#[test]
fn routers_and_pools_have_names_of_their_own() {
    let block = "[[router]]\nname = \"a\"\nkind = \"embedded\"\n[[router.pool]]\nname = \"p\"\nscope = \"account\"\n";
    assert!(complaint(&format!("{block}{block}"), &[]).contains("another router called a"));
    let twice = format!("{block}[[router.pool]]\nname = \"p\"\nscope = \"session\"\n");
    assert!(complaint(&twice, &[]).contains("another pool called p"));
    assert!(complaint("[[router]]\nname = \"a\"\nkind = \"nginx\"", &[]).contains("embedded or haproxy"));
}

const REDIS: &str = "[[router]]\nname = \"map.1\"\nkind = \"redis\"\nendpoint = \"redis://unstick@cache:7000/2\"\n\
    [[router.pool]]\nname = \"app\"\nscope = \"account\"\nkey_pattern = \"affinity:app:{key}\"\n\
    servers = [\"api-1\", \"api-2\"]\n";

#[test]
fn a_redis_is_read_with_its_defaults() {
    let config = load(REDIS, &[]).unwrap();
    let RouterConfig::Redis(router) = &config.routers[0] else { panic!("not a redis") };
    let pool = &router.config.pools[0];
    assert_eq!((router.config.timeout.secs(), router.config.max_request.secs(), pool.fence), (2, 30, false));
    assert_eq!((pool.servers.len(), router.config.password.is_some()), (2, false));
    let more = "value = \"json:server\"\nsession_field = \"by\"\nfence = true\nfence_pattern = \"no:{key}\"\n";
    let config = load(&format!("{REDIS}{more}"), &[]).unwrap();
    let RouterConfig::Redis(router) = &config.routers[0] else { panic!("not a redis") };
    assert!(router.config.pools[0].fence);
    // What is printed says the same.
    let printed = config.to_toml();
    let routers = &printed[printed.find("[[router]]").unwrap()..];
    let again = load(routers, &[]).unwrap().to_toml();
    assert_eq!(again[again.find("[[router]]").unwrap()..], *routers);
}

#[test]
fn a_redis_that_cannot_work_is_told_with_its_line() {
    for (from, to, line, part) in [
        ("unstick@cache", "u:hunter2@cache", 4, "password_file"),
        ("redis://unstick@cache:7000/2", "tcp:cache:1", 4, "redis://host"),
        ("affinity:app:{key}", "affinity:app", 1, "{key}"),
        ("\"api-2\"", "\"api 2\"", 9, "api 2"),
        ("servers", "table", 9, "not for a redis router"),
        ("kind =", "password_file = \"/nonexistent/x\"\nkind =", 3, "no file /nonexistent/x"),
        ("kind =", "max_request = \"1h\"\nkind =", 1, "fence_ttl"),
        ("servers", "fence = 7\nservers", 9, "true or false"),
        ("servers", "session_field = \"by\"\nservers", 9, "json:server"),
        ("servers", "value = \"xml\"\nservers", 9, "json:server"),
    ] {
        let told = complaint(&REDIS.replace(from, to), &[]);
        assert!(told.contains(part) && told.contains(&format!("line {line}:")), "{to}: {told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
    let haproxy = "[[router]]\nname = \"a\"\nkind = \"haproxy\"\nendpoint = \"/a\"\nca_file = \"x\"\n\
                   [[router.pool]]\nname = \"p\"\nscope = \"account\"\nkey_pattern = \"x\"\n";
    let told = complaint(haproxy, &[]);
    assert!(told.contains("line 5: ca_file is not for") && told.contains("line 9: key_pattern is not for"), "{told}");
}

#[test]
fn a_password_comes_from_a_variable_or_a_private_file_and_is_never_shown() {
    let config = load(REDIS, &[("UNSTICK_REDIS_PASSWORD_MAP_1", "hunter2")]).unwrap();
    let RouterConfig::Redis(router) = &config.routers[0] else { panic!("not a redis") };
    assert!(router.config.password.is_some());
    let shown = format!("{}{config:?}", config.to_toml());
    assert!(!shown.contains("hunter2") && shown.contains("*** (UNSTICK_REDIS_PASSWORD_MAP_1)"), "{shown}");

    let told = complaint(REDIS, &[("UNSTICK_REDIS_PASSWORD_MAP1", "hunter2")]);
    assert!(told.contains("UNSTICK_REDIS_PASSWORD_MAP_1") && !told.contains("hunter2"), "{told}");

    assert!(complaint(REDIS, &[("UNSTICK_REDIS_PASSWORD_MAP_1", "")]).contains("is empty"));

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("redis.password");
    let with = REDIS.replace("kind =", &format!("password_file = \"{}\"\nkind =", file.display()));
    create_private(&file, "hunter2\n").unwrap();
    let config = load(&with, &[]).unwrap();
    assert!(!config.to_toml().contains("hunter2") && config.to_toml().contains("password_file"));
    #[cfg(unix)]
    {
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        let told = complaint(&with, &[]);
        assert!(told.contains("chmod 600") && !told.contains("hunter2"), "{told}");
    }
}

/// A router of each kind, each with one pool and nothing that could be left out.
const KINDS: [(&str, &str); 3] = [
    ("embedded", "[[router]]\nname = \"a\"\nkind = \"embedded\"\n[[router.pool]]\nname = \"p\"\nscope = \"session\"\n"),
    (
        "haproxy",
        "[[router]]\nname = \"a\"\nkind = \"haproxy\"\nendpoint = \"/a\"\n[[router.pool]]\nname = \"p\"\nscope = \"session\"\n",
    ),
    ("redis", REDIS),
];

#[test]
fn every_kind_of_pool_takes_the_rule_of_its_keys() {
    for (kind, block) in KINDS {
        let longest = "r".repeat(200);
        for rule in ["req.cook(sid),url_dec", "req.hdr(x-account)", longest.as_str()] {
            let config = load(&format!("{block}rule = \"{rule}\"\n"), &[]).unwrap();
            let read = match &config.routers[0] {
                RouterConfig::Embedded { pools, .. } => pools[0].rule.clone(),
                RouterConfig::Haproxy { .. } => config.routers[0].haproxy().unwrap().pools[0].rule.clone(),
                RouterConfig::Redis(router) => router.config.pools[0].rule.clone(),
            };
            assert_eq!(read.as_deref(), Some(rule), "{kind}");
            // What is printed says the same.
            let printed = config.to_toml();
            let routers = &printed[printed.find("[[router]]").unwrap()..];
            assert!(routers.contains(&format!("rule = \"{rule}\"")), "{routers}");
            let again = load(routers, &[]).unwrap().to_toml();
            assert_eq!(again[again.find("[[router]]").unwrap()..], *routers);
        }
        assert!(!load(block, &[]).unwrap().to_toml().contains("rule ="), "{kind}");
        let line = format!("line {}:", block.lines().count() + 1);
        for bad in ["", "  ", "a\\tb", "a\\u001bb", "r".repeat(201).as_str()] {
            let told = complaint(&format!("{block}rule = \"{bad}\"\n"), &[]);
            assert!(told.contains("1 to 200 printable characters") && told.contains(&line), "{kind} {bad:?}: {told}");
        }
    }
}

#[test]
fn words_that_a_kind_of_router_would_not_heed_are_refused_with_their_line() {
    const MAP: &[&str] =
        &["key_pattern", "value", "session_field", "generation_field", "servers", "fence", "fence_pattern"];
    const TABLE: &[&str] = &["table", "backend", "acl_file"];
    for (kind, block) in KINDS {
        let (foreign, article): (Vec<&[&str]>, &str) = match kind {
            "embedded" => (vec![MAP, TABLE], "an"),
            "haproxy" => (vec![MAP], "a"),
            _ => (vec![TABLE], "a"),
        };
        let line = format!("line {}:", block.lines().count() + 1);
        for word in foreign.concat() {
            let told = complaint(&format!("{block}{word} = \"x\"\n"), &[]);
            let part = format!("{line} {word} is not for {article} {kind} router");
            assert!(told.contains(&part), "{part:?} is not in: {told}");
        }
    }
}

const FLEET: &str = "[[router]]\nkind = \"haproxy\"\nmax_request = \"9s\"\n\
    endpoints = { \"lb-2\" = \"tcp:127.0.0.1:9999\", \"lb-1\" = \"unix:/run/lb-1.sock\" }\n\
    [[router.pool]]\nname = \"app\"\nscope = \"account\"\n";

#[test]
fn a_fleet_is_a_router_for_each_load_balancer() {
    let config = load(FLEET, &[]).unwrap();
    let names: Vec<&str> = config.routers.iter().map(|router| router.name().as_str()).collect();
    assert_eq!(names, ["lb-2", "lb-1"], "as they were written");
    for router in &config.routers {
        let RouterConfig::Haproxy { max_request, pools, .. } = router else { panic!("not a haproxy") };
        assert_eq!((max_request.secs(), pools[0].name.as_str()), (9, "app"));
    }
    let table = FLEET
        .replace("endpoints = { \"lb-2\" = \"tcp:127.0.0.1:9999\", \"lb-1\" = \"unix:/run/lb-1.sock\" }\n", "")
        + "[router.endpoints]\nlb-3 = \"/run/lb-3.sock\"\n";
    assert_eq!(load(&table, &[]).unwrap().routers[0].name().as_str(), "lb-3");
}

#[test]
fn what_is_wrong_with_a_fleet_is_told_once() {
    for (from, to, line, part) in [
        ("kind", "name = \"x\"\nkind", 2, "leave name out"),
        ("kind", "endpoint = \"/x\"\nkind", 2, "one more in endpoints"),
        ("tcp:127.0.0.1:9999", "unix:/run/lb-1.sock", 4, "the same endpoint"),
        ("tcp:127.0.0.1:9999", "tcp:nowhere", 4, "no endpoint"),
        ("\"lb-2\"", "\"lb 2\"", 4, "router name"),
        ("9s", "soon", 3, "soon"),
        ("account", "acount", 7, "no scope"),
        ("app", "a pp", 6, "pool name"),
        ("{ \"lb-2\" = \"tcp:127.0.0.1:9999\", \"lb-1\" = \"unix:/run/lb-1.sock\" }", "{}", 1, "names nobody"),
        ("{ \"lb-2\" = \"tcp:127.0.0.1:9999\", \"lb-1\" = \"unix:/run/lb-1.sock\" }", "[\"/a\"]", 4, "must name each"),
    ] {
        let told = complaint(&FLEET.replace(from, to), &[]);
        assert!(told.contains(part) && told.contains(&format!("line {line}:")), "{to}: {told}");
        assert_eq!(told.matches(&format!("line {line}:")).count(), 1, "{told}");
    }
    let twice = format!(
        "{FLEET}[[router]]\nname = \"lb-1\"\nkind = \"embedded\"\n[[router.pool]]\nname = \"p\"\nscope = \"account\"\n"
    );
    assert!(complaint(&twice, &[]).contains("another router called lb-1"));
}
