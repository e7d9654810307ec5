//! One table with the keys `user_id` and `product_id`, both texts, under whichever name it is asked for.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

use super::wire::{self, Call, Reply};

/// What the table does with calls from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Fault {
    /// Answers them.
    None,
    /// Cuts the connection.
    Down,
    /// Processes every second key or item of a batch, and says that it did not process the others.
    Half,
    /// Processes nothing of a batch, and refuses single reads for throttling.
    Throttled,
    /// Refuses the credentials.
    Expired,
    /// Never answers.
    Slow,
    /// Takes two more writes, then cuts connections.
    TwoWrites,
}

/// A table; clones are the same one.
#[derive(Clone)]
pub(crate) struct DynamoStub(Arc<Inner>);

struct Inner {
    address: Mutex<String>,
    items: Mutex<BTreeMap<[String; 2], Value>>,
    /// What every pair has that no item was put for.
    everyone: Option<String>,
    fault: AtomicU8,
    calls: AtomicUsize,
    writes: AtomicUsize,
}

impl DynamoStub {
    /// A table in which pairs without an item have the packed row `everyone`, if there is one.
    pub(crate) fn new(everyone: Option<String>) -> Self {
        Self(Arc::new(Inner {
            address: Mutex::default(),
            items: Mutex::default(),
            everyone,
            fault: AtomicU8::new(Fault::None as u8),
            calls: AtomicUsize::new(0),
            writes: AtomicUsize::new(0),
        }))
    }

    /// An empty table on a free port, until the runtime ends.
    pub(crate) async fn start() -> Self {
        let stub = Self::new(None);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        *stub.0.address.lock().expect("no panic") = listener.local_addr().expect("bound").to_string();
        let serving = stub.clone();
        tokio::spawn(wire::serve(listener, move |call| serving.clone().answer(call)));
        stub
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.0.address.lock().expect("no panic"))
    }

    pub(crate) fn set(&self, fault: Fault) {
        self.0.writes.store(0, Ordering::SeqCst);
        self.0.fault.store(fault as u8, Ordering::SeqCst);
    }

    /// Number of calls since the start.
    pub(crate) fn calls(&self) -> usize {
        self.0.calls.load(Ordering::SeqCst)
    }

    /// Number of items.
    pub(crate) fn items(&self) -> usize {
        self.0.items.lock().expect("no panic").len()
    }

    fn is(&self, fault: Fault) -> bool {
        self.0.fault.load(Ordering::SeqCst) == fault as u8
    }

    /// What becomes of `call`.
    pub(crate) async fn answer(self, call: Call) -> Reply {
        self.0.calls.fetch_add(1, Ordering::SeqCst);
        let target = call.header("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let is_late_write = operation == "BatchWriteItem"
            && self.is(Fault::TwoWrites)
            && self.0.writes.fetch_add(1, Ordering::SeqCst) >= 2;
        if self.is(Fault::Down) || is_late_write {
            return Reply::HangUp;
        }
        if self.is(Fault::Slow) {
            pending::<()>().await;
        }
        if self.is(Fault::Expired) {
            return refusal("ExpiredTokenException");
        }
        let request: Value = serde_json::from_str(&call.body).expect("JSON");
        if self.is(Fault::Throttled) && operation == "GetItem" {
            return refusal("ProvisionedThroughputExceededException");
        }
        let answer = match operation {
            "DescribeTable" => describe(&request),
            "GetItem" => self.item(&request["Key"]).map_or_else(|| json!({}), |item| json!({ "Item": item })),
            "Query" => json!({ "Items": self.items_of(&request["ExpressionAttributeValues"][":user"]) }),
            "BatchGetItem" => self.batch(&request, "UnprocessedKeys"),
            "BatchWriteItem" => self.batch(&request, "UnprocessedItems"),
            _ => return refusal("UnknownOperationException"),
        };
        Reply::new(200, "", &answer.to_string())
    }

    fn item(&self, key: &Value) -> Option<Value> {
        if let Some(item) = self.0.items.lock().expect("no panic").get(&key_of(key)) {
            return Some(item.clone());
        }
        let row = self.0.everyone.as_ref()?;
        Some(json!({"user_id": key["user_id"], "product_id": key["product_id"], "feature": {"S": row}}))
    }

    fn items_of(&self, user: &Value) -> Vec<Value> {
        let items = self.0.items.lock().expect("no panic");
        items.iter().filter(|([of, _], _)| user["S"] == **of).map(|(_, item)| item.clone()).collect()
    }

    /// Reads or writes a batch, as much of it as the fault lets through.
    fn batch(&self, request: &Value, unprocessed: &str) -> Value {
        let (mut responses, mut left) = (Map::new(), Map::new());
        for (table, asked) in request["RequestItems"].as_object().expect("tables") {
            let entries = asked.as_array().or_else(|| asked["Keys"].as_array()).expect("a list");
            let kept = match () {
                () if self.is(Fault::Throttled) => 0,
                () if self.is(Fault::Half) => entries.len().div_ceil(2),
                () => entries.len(),
            };
            let (now, later) = entries.split_at(kept);
            if asked.is_array() {
                let mut items = self.0.items.lock().expect("no panic");
                for entry in now {
                    match (&entry["PutRequest"]["Item"], &entry["DeleteRequest"]["Key"]) {
                        (Value::Null, key) => items.remove(&key_of(key)),
                        (item, _) => items.insert(key_of(item), item.clone()),
                    };
                }
                left.extend((!later.is_empty()).then(|| (table.clone(), json!(later))));
            } else {
                let found: Vec<Value> = now.iter().filter_map(|key| self.item(key)).collect();
                responses.insert(table.clone(), json!(found));
                let mut rest = asked.clone();
                rest["Keys"] = json!(later);
                left.extend((!later.is_empty()).then(|| (table.clone(), rest)));
            }
        }
        json!({ "Responses": responses, unprocessed: left })
    }
}

fn key_of(item: &Value) -> [String; 2] {
    ["user_id", "product_id"].map(|name| item[name]["S"].as_str().expect("a text").to_owned())
}

fn describe(request: &Value) -> Value {
    json!({"Table": {
        "TableName": request["TableName"],
        "TableStatus": "ACTIVE",
        "KeySchema": [
            {"AttributeName": "user_id", "KeyType": "HASH"},
            {"AttributeName": "product_id", "KeyType": "RANGE"},
        ],
        "AttributeDefinitions": [
            {"AttributeName": "user_id", "AttributeType": "S"},
            {"AttributeName": "product_id", "AttributeType": "S"},
        ],
    }})
}

fn refusal(code: &str) -> Reply {
    let body = json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "no"});
    Reply::new(400, "", &body.to_string())
}
