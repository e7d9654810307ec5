//! imba: will this customer buy this product again?
