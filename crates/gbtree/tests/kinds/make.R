# Stores a model as R does, in each of R's forms: Rscript make.R MODEL.ubj MODEL.expect OUT_DIR
# The objects are those of the R package's versions, made here without it.
arguments <- commandArgs(trailingOnly = TRUE)
model <- readBin(arguments[1], "raw", file.size(arguments[1]))
out <- arguments[3]
keep <- function(name, write) {
  write(file.path(out, paste0(name, ".rds")))
  invisible(file.copy(arguments[2], file.path(out, paste0(name, ".expect")), overwrite = TRUE))
}

# 1.x: a list with the bytes beside a pointer, the call, and callbacks that are closures, compiled at their second call.
callback <- (function(period) {
  force(period)
  function(env = parent.frame()) {
    if (period == 0) return(NULL)
    i <- env$iteration
    for (j in seq_len(3)) i <- i + j
    tryCatch(cat(paste0("[", i, "]\n")), error = function(e) stop(e))
  }
})(1)
callback <- compiler::cmpfun(callback)
attr(callback, "name") <- "cb.print.evaluation"
old <- list(
  handle = NULL, raw = model, niter = 5L, call = quote(xgb.train(params = list(eta = 0.3), data = dtrain)),
  params = list(objective = "binary:logistic", eta = 0.3, validate = TRUE), callbacks = list(callback),
  feature_names = c("a", "b", "c", "d"), nfeatures = 4L,
  evaluation_log = data.frame(iter = 1:3, auc = c(0.5, NA, 0.7)), levels = factor(c("x", "y\u00e9", NA))
)
class(old) <- "xgb.Booster"
keep("list", function(file) saveRDS(old, file))
keep("list-bzip2", function(file) saveRDS(old, file, compress = "bzip2"))
keep("list-xz", function(file) saveRDS(old, file, compress = "xz"))
keep("list-plain", function(file) saveRDS(old, file, compress = FALSE))
keep("list-text", function(file) saveRDS(old, file, ascii = TRUE))
keep("list-version-2", function(file) saveRDS(old, file, version = 2))
keep("workspace", function(file) {
  fitted <- old
  save(fitted, file = file)
})
# The model in something else, in an environment, behind S4.
keep("nested", function(file) saveRDS(list(a = 1:10, b = list(model = old)), file))
keep("environment", function(file) {
  e <- new.env()
  e$model <- old
  e$again <- e
  saveRDS(e, file)
})
# 3.x: an object with the bytes in an attribute.
new <- structure(list(ptr = NULL), class = "xgb.Booster")
attr(new, "raw") <- model
keep("attribute", function(file) saveRDS(new, file))

saveRDS(list(a = 1, b = "x"), file.path(out, "nothing.rds"))
writeLines("no XGBoost model", file.path(out, "nothing.refused"), sep = "")
saveRDS(list(old, old), file.path(out, "two.rds"))
writeLines("several models", file.path(out, "two.refused"), sep = "")
