use std::collections::HashMap;
use std::fmt::Write;
use std::process::Command;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, KeysAndAttributes,
    ScalarAttributeType,
};
use imba::app::store::{Loading, open_store, open_writer};
use imba::config::{Config, Features};
use imba::features::{FeatureStore, FeatureWriter};
use imba::row::{FeatureRow, PairKey, Schema};
use imba::upstream::aws::AwsContext;
use tokio::task::JoinSet;

use crate::peers::{Peer, sdk_at};
use crate::service::{Builder, RECORDED, TestService, columns, problem, recorded_row, text, until};
use crate::store_contract::{contract, get_many};
use crate::stubs::dynamodb::{DynamoStub, Fault};

/// Makes the table `name` with keys of these types.
pub(crate) async fn table(url: &str, name: &str, types: [ScalarAttributeType; 2]) {
    let client = Client::new(&sdk_at(url.to_owned()).await);
    let mut create = client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    let roles = [("user_id", KeyType::Hash), ("product_id", KeyType::Range)];
    for ((attribute, role), kind) in roles.into_iter().zip(types) {
        let element = KeySchemaElement::builder().attribute_name(attribute).key_type(role);
        let definition = AttributeDefinition::builder().attribute_name(attribute).attribute_type(kind);
        create = create
            .key_schema(element.build().expect("whole"))
            .attribute_definitions(definition.build().expect("whole"));
    }
    create.send().await.expect("a table");
    until("the table is made", async || {
        let found = client.describe_table().table_name(name).send().await.expect("a description");
        found.table.and_then(|table| table.table_status).is_some_and(|status| status.as_str() == "ACTIVE")
    })
    .await;
}

pub(crate) const TEXT: [ScalarAttributeType; 2] = [ScalarAttributeType::S, ScalarAttributeType::S];
const NUMBERS: [ScalarAttributeType; 2] = [ScalarAttributeType::N, ScalarAttributeType::N];

pub(crate) fn dynamodb() -> Builder {
    TestService::builder().with("features.kind", "dynamodb")
}

pub(crate) async fn open(url: &str, config: &Config) -> Result<OpenStore, String> {
    let account = AwsContext::given(config.aws.clone(), Box::pin(sdk_at(url.to_owned())).await);
    let columns = match &config.features.columns[..] {
        [] => columns(),
        named => named.to_vec(),
    };
    let schema = Schema::new(columns);
    let store =
        Box::pin(open_store(&config.features, &schema, &account)).await.map_err(|error| error.to_string())?;
    let writer =
        Box::pin(open_writer(&config.features, &schema, &account, &Loading::Beside, "the test")).await;
    Ok(OpenStore { store, writer: writer.map_err(|error| error.to_string())? })
}

/// A table, read and written.
pub(crate) struct OpenStore {
    pub(crate) store: Arc<dyn FeatureStore>,
    pub(crate) writer: Box<dyn FeatureWriter>,
}

/// A store of rows of two columns.
async fn small(url: &str, builder: Builder) -> OpenStore {
    let config = builder.config();
    let features = Features { columns: vec!["a".to_owned(), "b".to_owned()], ..config.features.clone() };
    Box::pin(open(url, &Config { features, ..config })).await.expect("a store")
}

async fn contract_of(store: &OpenStore, keeps_zero_signs: bool) {
    contract(&*store.store, async |rows| store.writer.put_many(rows).await, keeps_zero_signs).await;
}

/// What every server must be to us, in every layout.
async fn every_layout(peer: &Peer) {
    let url = peer.url();
    table(&url, "packed", TEXT).await;
    contract_of(&small(&url, dynamodb().with("features.dynamodb.table", "packed")).await, true).await;

    table(&url, "columns", TEXT).await;
    let columns = dynamodb()
        .with("features.dynamodb.table", "columns")
        .with("features.dynamodb.layout", "columns")
        .with("features.dynamodb.consistent_reads", "true")
        .with("features.dynamodb.batch_pairs", "1");
    contract_of(&small(&url, columns).await, false).await;

    table(&url, "numbers", NUMBERS).await;
    let numbers = dynamodb()
        .with("features.dynamodb.table", "numbers")
        .with("features.dynamodb.user_key_type", "N")
        .with("features.dynamodb.product_key_type", "N");
    numeric_keys(&small(&url, numbers).await).await;

    many(&small(&url, dynamodb().with("features.dynamodb.table", "packed")).await).await;
    pages(&url, &small(&url, dynamodb().with("features.dynamodb.table", "packed")).await).await;
    too_large_for_one_answer(&url, &small(&url, dynamodb().with("features.dynamodb.table", "packed")).await)
        .await;
}

async fn numeric_keys(store: &OpenStore) {
    store.store.probe().await.expect("it answers");
    let row = |a: f32| -> FeatureRow { Box::from([a, 0.5]) };
    let rows = [("7", "10"), ("7", "9"), ("70", "1")];
    let rows =
        rows.iter().zip(1_u8..).map(|((user, product), at)| (PairKey::new(user, product), row(at.into())));
    store.writer.put_many(rows.collect()).await.expect("a put");
    let asked = ["10", "9", "09", "x", "9.5"].map(|product| PairKey::new("7", product));
    let found = get_many(&*store.store, &asked).await.expect("one strange identifier fails nobody else");
    assert_eq!(found, [Some(row(1.0)), Some(row(2.0)), None, None, None]);
    let products = store.store.products_of("7").await.expect("a query");
    let names: Vec<_> = products.iter().map(|(product, _)| product.as_str()).collect();
    assert_eq!(names, ["10", "9"], "in the order of the texts, as every store");
    assert_eq!(store.store.products_of("seven").await.expect("a query"), []);
    let strange =
        store.writer.put_many(vec![(PairKey::new("x", "1"), row(1.0))]).await.expect_err("no number");
    assert_eq!(
        strange.to_string(),
        "the feature store rejected a row: user x, product 1: the table's keys of type N take whole numbers"
    );
}

/// More pairs than fit in a call, with doubles and strangers: the order asked is the order answered.
async fn many(store: &OpenStore) {
    let row = |at: usize| -> FeatureRow { Box::from([at as f32, 0.25]) };
    let rows: Vec<_> = (0..260).map(|at| (PairKey::new("many", &format!("{at:03}")), row(at))).collect();
    store.writer.put_many(rows).await.expect("a put");
    let order: Vec<usize> = (0..700).map(|at| at * 37 % 300).collect();
    let asked: Vec<_> = order.iter().map(|at| PairKey::new("many", &format!("{at:03}"))).collect();
    let found = get_many(&*store.store, &asked).await.expect("a get");
    let expected: Vec<_> = order.iter().map(|at| (*at < 260).then(|| row(*at))).collect();
    assert_eq!(found, expected);
    assert_eq!(store.store.products_of("many").await.expect("a query").len(), 260);
}

/// A user whose items fill more than one page of a query.
async fn pages(url: &str, store: &OpenStore) {
    let client = Client::new(&sdk_at(url.to_owned()).await);
    for at in 0..8 {
        let text = |text: String| AttributeValue::S(text);
        let put = client.put_item().table_name("packed").item("user_id", text("pages".to_owned()));
        let put = put.item("product_id", text(at.to_string())).item("feature", text("1, 2".to_owned()));
        put.item("other", text("x".repeat(300_000))).send().await.expect("a put");
    }
    assert_eq!(store.store.products_of("pages").await.expect("a query").len(), 8);
}

/// Items of 19 MB in all, more than the 16 MB of one answer: the rest is left unprocessed, and asked for again.
async fn too_large_for_one_answer(url: &str, store: &OpenStore) {
    let client = Client::new(&sdk_at(url.to_owned()).await);
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let products: Vec<_> = (0..50).map(|at| at.to_string()).collect();
    let long = format!("1.{}, 2", "0".repeat(390_000));
    for product in &products {
        let put = client.put_item().table_name("packed").item("user_id", text("large"));
        put.item("product_id", text(product)).item("feature", text(&long)).send().await.expect("a put");
    }
    let keys = products.iter().map(|product| {
        HashMap::from([("user_id".to_owned(), text("large")), ("product_id".to_owned(), text(product))])
    });
    let wanted = KeysAndAttributes::builder().set_keys(Some(keys.collect())).build().expect("keys");
    let answer = client.batch_get_item().request_items("packed", wanted).send().await.expect("an answer");
    assert!(answer.unprocessed_keys.is_some_and(|left| !left.is_empty()), "it fits in one answer");

    let asked: Vec<_> = products.iter().map(|product| PairKey::new("large", product)).collect();
    let row: FeatureRow = Box::from([1.0, 2.0]);
    assert_eq!(get_many(&*store.store, &asked).await.expect("a get"), vec![Some(row); 50]);
}

#[tokio::test]
async fn dynalite_is_a_store() {
    Box::pin(every_layout(&Peer::dynalite().await)).await;
}

#[tokio::test]
async fn moto_is_a_store() {
    Box::pin(every_layout(&Peer::moto().await)).await;
}

/// The table is looked at before anything is served from it.
#[tokio::test]
async fn a_table_of_another_shape() {
    let peer = Peer::dynalite().await;
    let url = peer.url();
    table(&url, "imba", TEXT).await;
    for (builder, said) in [
        (
            dynamodb().with("features.dynamodb.table", "imbo"),
            "\"imbo\": there is no table of this name in eu-west-1",
        ),
        (
            dynamodb().with("features.dynamodb.user_key_type", "N"),
            "its partition key is \"user_id\" of type S, and features.dynamodb.user_key with features.dynamodb.user_key_type says \"user_id\" of type N",
        ),
        (
            dynamodb().with("features.dynamodb.product_key", "item"),
            "its sort key is \"product_id\" of type S",
        ),
    ] {
        let error = open(&url, &builder.config()).await.err().expect("refused");
        assert!(error.contains(said), "{error}");
    }
}

/// A service over a table with faults, with the recorded row stored.
async fn faulty() -> (DynamoStub, TestService) {
    let table = DynamoStub::start().await;
    let store = open(&table.url(), &dynamodb().config()).await.expect("a store");
    store.writer.put_many(vec![(PairKey::new("1", "2"), recorded_row())]).await.expect("a put");
    let service = start(&table).await;
    (table, service)
}

async fn start(table: &DynamoStub) -> TestService {
    let builder = dynamodb()
        .with("features.dynamodb.breaker_calls", "4")
        .with("features.dynamodb.breaker_pause", "200ms");
    let store = Box::pin(open(&table.url(), &builder.config())).await.expect("a client");
    Box::pin(builder.store(store.store).start()).await
}

async fn recovers(service: &TestService) {
    until("it recovers by itself", async || {
        text(service.post("/predict/pair", "1,2")).await.0 == 200
            && text(service.get("/readyz?upstreams")).await.0 == 200
    })
    .await;
}

/// Each fault has its answer, spares what needs no lookup, and is over when it is over.
#[tokio::test]
async fn faults_are_answered_and_end() {
    let (table, service) = faulty().await;
    let (_, score) = text(service.post("/predict", RECORDED)).await;
    assert_eq!(text(service.post("/predict/pair", "1,2")).await, (200, score));
    for (fault, statuses) in [
        (Fault::Down, [503, 503]),
        (Fault::Throttled, [503, 503]),
        (Fault::Slow, [504, 503]),
        (Fault::Expired, [502, 502]),
    ] {
        table.set(fault);
        let mut asked = JoinSet::from_iter([problem(service.post("/predict/pair", "1,2"))]);
        let answer = match fault {
            Fault::Slow => service.pass_until_answered(asked).await.pop(),
            _ => asked.join_next().await.transpose().expect("no panic"),
        };
        let (status, found) = answer.expect("an answer");
        assert!(statuses.contains(&status), "{fault:?}: {found}");
        assert!(!found.to_string().contains("127.0.0.1"), "{found}");
        assert_eq!(text(service.post("/predict", RECORDED)).await.0, 200, "{fault:?} is no matter of rows");
        assert_eq!(text(service.get("/livez")).await.0, 200);
        table.set(Fault::None);
        recovers(&service).await;
    }
}

/// While the table is down, most requests are turned away without a call.
#[tokio::test]
async fn a_table_that_is_down_is_left_alone() {
    let (table, service) = faulty().await;
    table.set(Fault::Down);
    for _ in 0..5 {
        assert_eq!(text(service.post("/predict/pair", "1,2")).await.0, 503);
    }
    let before = table.calls();
    for _ in 0..50 {
        assert_eq!(text(service.post("/predict/pair", "1,2")).await.0, 503);
    }
    let calls = table.calls() - before;
    assert!(calls < 50, "{calls} calls for 50 requests");
    table.set(Fault::None);
    recovers(&service).await;
}

#[tokio::test]
async fn a_table_that_is_down_at_the_start() {
    let (table, _) = faulty().await;
    table.set(Fault::Down);
    let service = start(&table).await;
    assert_eq!(text(service.get("/readyz")).await.0, 503);
    assert_eq!(text(service.post("/predict", RECORDED)).await.0, 200);
    table.set(Fault::None);
    recovers(&service).await;
}

/// What DynamoDB leaves unprocessed is asked for again, until it is done or the time is up.
#[tokio::test]
async fn unprocessed_keys_and_items() {
    let table = DynamoStub::start().await;
    let builder = || {
        dynamodb()
            // Real: how long the table is asked again.
            .with("features.dynamodb.attempt_timeout", "1s")
            .with("features.dynamodb.timeout", "2s")
    };
    let store = small(&table.url(), builder()).await;
    table.set(Fault::Half);
    many(&store).await;
    table.set(Fault::Throttled);
    let asked = [PairKey::new("many", "000"), PairKey::new("many", "001")];
    let error = store.store.get_many(&asked).await.expect_err("nothing is processed");
    assert!(error.to_string().contains("is throttling us"), "{error}");
    table.set(Fault::None);
    assert!(get_many(&*store.store, &asked).await.expect("a get").iter().all(Option::is_some));
}

/// An import that breaks off says where to go on; then every row is there, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_goes_on_where_it_broke_off() {
    const ROWS: usize = 10_500;
    let table = DynamoStub::start().await;
    let folder = tempfile::tempdir().expect("folder");
    let mut csv = String::from("user_id,product_id,feature\n");
    for at in 0..ROWS {
        writeln!(csv, "{},{at},\"{RECORDED}\"", at % 7).expect("written");
    }
    std::fs::write(folder.path().join("table.csv"), csv).expect("written");
    let import = async |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_imba"));
        command.args(["features", "import", "table.csv"]).args(arguments).current_dir(&folder).env_clear();
        command.env("IMBA__FEATURES__KIND", "dynamodb").env("IMBA__AWS__ENDPOINT_URL", table.url());
        command.env("IMBA__AWS__REGION", "eu-west-1").env("IMBA__FEATURES__DYNAMODB__WRITES_IN_FLIGHT", "4");
        command.env("IMBA__FEATURES__COLUMNS", columns().join(","));
        command.env("AWS_ACCESS_KEY_ID", "AKIDTEST").env("AWS_SECRET_ACCESS_KEY", "secret");
        let output =
            tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it runs");
        (output.status.code().expect("a code"), String::from_utf8(output.stderr).expect("UTF-8"))
    };
    let (code, said) = import(&["--dry-run"]).await;
    assert!(code == 0 && said.ends_with("10500 rows would be loaded\n"), "{said}");
    assert_eq!(table.items(), 0);

    table.set(Fault::TwoWrites);
    let (code, said) = import(&[]).await;
    assert!(
        code == 1 && said.ends_with("all rows before line 2 are in the store: go on with --from-line 2\n"),
        "{said}"
    );
    table.set(Fault::Half);
    let (code, said) = import(&["--from-line", "2"]).await;
    assert!(code == 0 && said.ends_with("10500 rows loaded\n"), "{said}");
    assert_eq!(table.items(), ROWS);

    // Again, the last five hundred alone.
    table.set(Fault::None);
    let (code, said) = import(&["--from-line", "10002"]).await;
    assert!(code == 0 && said.ends_with("500 rows loaded\n"), "{said}");
    assert_eq!(table.items(), ROWS, "nothing twice");
}
