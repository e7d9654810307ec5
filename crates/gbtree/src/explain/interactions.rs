use super::unroll::{children, ratio};
use super::{Explainer, NO_SHARE};
use crate::forest::Forest;

/// A distinct feature of the current path.
#[derive(Clone, Copy)]
struct Player {
    feature: usize,
    satisfied: bool,
    share: f32,
}

/// The path from the root, as the features on it.
#[derive(Default)]
struct Path {
    players: Vec<Player>,
    /// Per edge, where its feature stands among the players, and what stood there before.
    undo: Vec<(usize, Option<Player>)>,
}

/// An edge to be followed.
struct Edge {
    node: usize,
    level: usize,
    feature: usize,
    satisfied: bool,
    ratio: f32,
}

impl Explainer {
    /// Adds the interactions of every two features to `out` (outputs × (features + 1)²): the Shapley interaction
    /// index, half of it to each of the two places. Diagonals are left to the caller.
    pub(crate) fn interactions(&self, forest: &Forest, row: &[f32], out: &mut [f64]) {
        let width = self.features + 1;
        let mut path = Path::default();
        let mut scratch = Scratch::default();
        let mut edges = Vec::new();
        for walk in &self.trees {
            let tree = &forest.trees[walk.tree];
            let (nodes, covers) = (forest.nodes(tree), forest.covers(tree));
            let out = &mut out[walk.group * width * width..][..width * width];
            let push = |index: usize, level: usize, edges: &mut Vec<Edge>| {
                let (node, feature) = (&nodes[index], nodes[index].feature());
                let goes_left = forest.goes_left(node, row[feature]);
                edges.extend(children(node.link).map(|(child, left)| {
                    let ratio = ratio(covers[child], covers[index]);
                    Edge { node: child, level, feature, satisfied: left == goes_left, ratio }
                }));
            };
            if !nodes[0].is_leaf() {
                push(0, 1, &mut edges);
            }
            while let Some(edge) = edges.pop() {
                while path.undo.len() >= edge.level {
                    path.leave();
                }
                path.enter(&edge);
                let node = &nodes[edge.node];
                if node.is_leaf() {
                    scratch.credit(self, &path.players, forest.output(tree, node, walk.group), width, out);
                } else {
                    push(edge.node, edge.level + 1, &mut edges);
                }
            }
            while !path.undo.is_empty() {
                path.leave();
            }
        }
    }
}

impl Path {
    fn enter(&mut self, edge: &Edge) {
        let known = self.players.iter().position(|player| player.feature == edge.feature);
        if let Some(place) = known {
            let player = &mut self.players[place];
            self.undo.push((place, Some(*player)));
            player.satisfied &= edge.satisfied;
            player.share *= edge.ratio;
        } else {
            self.undo.push((self.players.len(), None));
            self.players.push(Player { feature: edge.feature, satisfied: edge.satisfied, share: edge.ratio });
        }
    }

    fn leave(&mut self) {
        match self.undo.pop() {
            Some((place, Some(player))) => self.players[place] = player,
            Some((_, None)) => drop(self.players.pop()),
            None => {}
        }
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
