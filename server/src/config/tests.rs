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
