use super::{Edge, Explainer, NO_SHARE, NONE};
use crate::forest::Forest;

/// A distinct feature of the current path.
#[derive(Clone, Copy)]
struct Player {
    feature: usize,
    satisfied: bool,
    share: f32,
}

impl Explainer {
    /// Adds the interactions of every two features to `out` (outputs × (features + 1)²): the Shapley interaction
    /// index, half of it to each of the two places. Diagonals are left to the caller.
    pub(crate) fn interactions(&self, forest: &Forest, row: &[f32], out: &mut [f64]) {
        let width = self.features + 1;
        let mut goes_left = vec![false; self.depth + 1];
        // Per level, where its feature stands among the players, and what stood there before.
        let mut undo: Vec<(usize, Option<Player>)> = Vec::new();
        let mut players: Vec<Player> = Vec::new();
        let mut scratch = Scratch::default();
        for walk in &self.trees {
            let nodes = forest.nodes(&forest.trees[walk.tree]);
            let decide = |at: u32| {
                let node = &nodes[at as usize];
                !node.is_leaf() && forest.goes_left(node, row[node.feature()])
            };
            let out = &mut out[walk.group * width * width..][..width * width];
            goes_left[0] = decide(0);
            for edge in &self.edges[walk.edges.clone()] {
                let level = edge.level as usize;
                while undo.len() >= level {
                    leave(&mut players, &mut undo);
                }
                enter(&mut players, &mut undo, edge, goes_left[level - 1] == edge.left);
                if edge.leaf {
                    scratch.credit(self, &players, edge.value, width, out);
                } else {
                    goes_left[level] = decide(edge.node);
                }
            }
            while !undo.is_empty() {
                leave(&mut players, &mut undo);
            }
        }
    }
}

fn enter(players: &mut Vec<Player>, undo: &mut Vec<(usize, Option<Player>)>, edge: &Edge, satisfied: bool) {
    let feature = edge.feature as usize;
    if edge.earlier == NONE {
        undo.push((players.len(), None));
        players.push(Player { feature, satisfied, share: edge.ratio });
    } else {
        let (place, _) = undo[edge.earlier as usize - 1];
        let player = &mut players[place];
        undo.push((place, Some(*player)));
        player.satisfied &= satisfied;
        player.share *= edge.ratio;
    }
}

fn leave(players: &mut Vec<Player>, undo: &mut Vec<(usize, Option<Player>)>) {
    match undo.pop() {
        Some((place, Some(player))) => players[place] = player,
        Some((_, None)) => drop(players.pop()),
        None => {}
    }
}

#[derive(Default)]
struct Scratch {
    product: Vec<f32>,
    gains: Vec<f32>,
}

impl Scratch {
    /// Credits one leaf to all pairs of its path's features.
    fn credit(
        &mut self,
        explainer: &Explainer,
        players: &[Player],
        value: f32,
        width: usize,
        out: &mut [f64],
    ) {
        let quadrature = &explainer.points;
        let points = quadrature.len();
        // A feature neither satisfied nor covered leaves nothing to share.
        if players.len() < 2 || players.iter().any(|player| !player.satisfied && player.share < NO_SHARE) {
            return;
        }
        self.product.clear();
        self.product.extend(quadrature.weights.iter().map(|weight| weight * value));
        self.gains.clear();
        for player in players {
            let present = f32::from(u8::from(player.satisfied));
            for q in 0..points {
                let factor = present * quadrature.points[q] + player.share * quadrature.rests[q];
                self.product[q] *= factor;
                self.gains.push((present - player.share) / factor);
            }
        }
        for (i, a) in players.iter().enumerate() {
            for (j, b) in players.iter().enumerate().skip(i + 1) {
                let (of_a, of_b) = (&self.gains[i * points..][..points], &self.gains[j * points..][..points]);
                let index: f32 = (0..points).map(|q| self.product[q] * of_a[q] * of_b[q]).sum();
                let half = f64::from(index) / 2.0;
                out[a.feature * width + b.feature] += half;
                out[b.feature * width + a.feature] += half;
            }
        }
    }
}
