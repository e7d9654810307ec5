use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use imba::admission::Admission;
use imba::app::store::open_filled;
use imba::row::{FeatureRow, PairKey, Schema};
use imba::telemetry::metrics::{Metrics, UpstreamMetrics};
use imba::upstream::aws::AwsContext;

use crate::dynamodb::{TEXT, dynamodb, open, table};
use crate::peers::Peer;
use crate::service::{RECORDED, columns, json, problem, recorded_row, text};

/// Items that hold nothing of a row, or nothing readable, fail their own row alone; none of them has a score.
#[tokio::test]
async fn an_item_that_is_no_row() {
    let peer = Peer::dynalite().await;
    let client = Client::new(&peer.sdk().await);
    let text_value = |text: &str| AttributeValue::S(text.to_owned());
    for (layout, bad) in [
        (
            "packed",
            vec![
                ("feature", AttributeValue::S("None".to_owned())),
                ("feature", AttributeValue::S(RECORDED.replace("209", "None"))),
            ],
        ),
        (
            "columns",
            vec![
                ("feature", text_value(RECORDED)),
                ("upOrders", AttributeValue::N("1".to_owned())),
                ("up_orders", text_value("None")),
            ],
        ),
    ] {
        table(&peer.url(), layout, TEXT).await;
        let builder =
            dynamodb().with("features.dynamodb.table", layout).with("features.dynamodb.layout", layout);
        let store = open(&peer.url(), &builder.config()).await.expect("a store");
        store.writer.put_many(vec![(PairKey::new("1", "good"), recorded_row())]).await.expect("a put");
        for (at, (name, value)) in bad.iter().enumerate() {
            let put = client.put_item().table_name(layout).item("user_id", text_value("1"));
            put.item("product_id", text_value(&at.to_string()))
                .item(*name, value.clone())
                .send()
                .await
                .expect("a put");
        }
        let nothing: FeatureRow = vec![f32::NAN; recorded_row().len()].into();
        let put = store.writer.put_many(vec![(PairKey::new("1", "x"), nothing)]).await;
        assert_eq!(put.is_err(), layout == "columns", "it would have no attribute: {put:?}");

        let service = builder.store(store.store).start().await;
        let (_, score) = text(service.post("/predict", RECORDED)).await;
        let pair = |product: &str| format!(r#"{{"user_id": "1", "product_id": "{product}"}}"#);
        let pairs: Vec<_> = (0..bad.len()).map(|at| pair(&at.to_string())).chain([pair("good")]).collect();
        let body = format!(r#"{{"instances": [{}]}}"#, pairs.join(","));
        let (status, answer) = json(service.post_json("/predict/pair", &body)).await;
        assert_eq!(status, 200, "{answer}");
        for at in 0..bad.len() {
            assert_eq!(answer["predictions"][at]["error"]["code"], "unreadable_row", "{layout}: {answer}");
            let (status, found) = problem(service.post("/predict/pair", format!("1,{at}"))).await;
            assert_eq!((status, found["code"].as_str()), (500, Some("unreadable_row")), "{layout}: {found}");
        }
        assert_eq!(answer["predictions"][bad.len()]["score"].to_string(), score, "{layout}");
        let (status, ranking) = json(service.get("/recommend/1").header("accept", "application/json")).await;
        assert_eq!(status, 200, "{ranking}");
        assert_eq!(ranking["unreadable"].as_array().map(Vec::len), Some(bad.len()), "{ranking}");
    }
}

/// A column that no item has is told of: every score is without it.
#[tokio::test]
async fn a_column_that_no_item_has() {
    let peer = Peer::dynalite().await;
    table(&peer.url(), "imba", TEXT).await;
    let builder = dynamodb().with("features.dynamodb.layout", "columns");
    let config = builder.config();
    let account = AwsContext::given(config.aws.clone(), peer.sdk().await);
    let upstreams = UpstreamMetrics::default();
    let schema = Schema::new(columns());
    let (features, _) =
        open_filled(&config.features, &schema, &account, &upstreams, &Admission::default(), false)
            .await
            .expect("a store");
    let writer = open(&peer.url(), &config).await.expect("a store").writer;
    let mut row = recorded_row();
    row[3] = f32::NAN;
    let rows = (0..100).map(|at| (PairKey::new("1", &at.to_string()), row.clone())).collect();
    writer.put_many(rows).await.expect("a put");
    let store = features.expect("a store").store;
    for _ in 0..10 {
        assert_eq!(store.products_of("1").await.expect("a query").len(), 100);
    }
    let metrics = Metrics::new(&upstreams, Vec::new()).text();
    for (at, name) in columns().iter().enumerate() {
        let line = format!("imba_table_column_absent{{column=\"{name}\"}} {}\n", u8::from(at == 3));
        assert!(metrics.contains(&line), "no {line} in {metrics}");
    }
}
