/* Times XGBoost's C API and, where there is one, TL2cgen's compiled model: PATH.ubj, PATH.rows, PATH.so.
 * Takes PATH, the number of features, and how many rows to explain. Prints "name value" lines, the least of many readings each: microseconds per row, milliseconds for loading. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef void *Handle;
typedef uint64_t bst_ulong;
extern int XGBoosterCreate(const Handle *, bst_ulong, Handle *);
extern int XGBoosterFree(Handle);
extern int XGBoosterSetParam(Handle, const char *, const char *);
extern int XGBoosterLoadModelFromBuffer(Handle, const void *, bst_ulong);
extern int XGProxyDMatrixCreate(Handle *);
extern int XGDMatrixCreateFromDense(const char *, const char *, Handle *);
extern int XGDMatrixFree(Handle);
extern int XGBoosterPredictFromDense(Handle, const char *, const char *, Handle, const bst_ulong **, bst_ulong *, const float **);
extern int XGBoosterPredictFromDMatrix(Handle, Handle, const char *, const bst_ulong **, bst_ulong *, const float **);
extern const char *XGBGetLastError(void);
#define OK(call) if ((call) != 0) { fprintf(stderr, "%s\n", XGBGetLastError()); exit(1); }

union Entry { int missing; float fvalue; int qvalue; };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec * 1e-3;
}
static int order(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}
/* The least of n readings: what is above it is other work on the machine. */
static double least(double *values, int n) { qsort(values, n, sizeof *values, order); return values[0]; }

static char *read_file(const char *path, const char *suffix, size_t *len) {
  char name[4096];
  snprintf(name, sizeof name, "%s%s", path, suffix);
  FILE *file = fopen(name, "rb");
  if (!file) return NULL;
  fseek(file, 0, SEEK_END);
  *len = ftell(file);
  rewind(file);
  char *bytes = malloc(*len);
  if (fread(bytes, 1, *len, file) != *len) exit(1);
  fclose(file);
  return bytes;
}

static volatile float sink;
static double times[100000];

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  size_t features = atoi(argv[2]), some = atoi(argv[3]), len, model_len;
  float *rows = (float *)read_file(argv[1], ".rows", &len);
  char *model = read_file(argv[1], ".ubj", &model_len);
  size_t n = len / 4 / features;
  Handle booster, proxy;
  size_t scores_len;
  float *scores = (float *)read_file(argv[1], ".scores", &scores_len);

  OK(XGProxyDMatrixCreate(&proxy));
  const char *config = "{\"type\":0,\"training\":false,\"iteration_begin\":0,\"iteration_end\":0,\"strict_shape\":false,\"missing\":NaN,\"cache_id\":0}";
  char array[256];
  const bst_ulong *shape;
  bst_ulong dims;
  const float *out;
  /* Loading alone, then with a first row, which may have to wait for what is made ready once. */
  for (int ready = 0; ready < 2; ready++) {
    for (int i = 0; i < 30; i++) {
      double start = now();
      OK(XGBoosterCreate(NULL, 0, &booster));
      OK(XGBoosterSetParam(booster, "nthread", "1"));
      OK(XGBoosterLoadModelFromBuffer(booster, model, model_len));
      if (ready) {
        snprintf(array, sizeof array, "{\"data\":[%llu,true],\"shape\":[1,%zu],\"typestr\":\"<f4\",\"version\":3}",
                 (unsigned long long)(uintptr_t)rows, features);
        OK(XGBoosterPredictFromDense(booster, array, config, proxy, &shape, &dims, &out));
      }
      times[i] = now() - start;
      if (!ready || i < 29) OK(XGBoosterFree(booster));
    }
    printf("xgboost-%s %.6g\n", ready ? "ready" : "load", least(times, 30) / 1e3);
  }

  /* The same answers, before anything else is timed. */
  snprintf(array, sizeof array, "{\"data\":[%llu,true],\"shape\":[%zu,%zu],\"typestr\":\"<f4\",\"version\":3}",
           (unsigned long long)(uintptr_t)rows, n, features);
  OK(XGBoosterPredictFromDense(booster, array, config, proxy, &shape, &dims, &out));
  for (size_t i = 0; i < scores_len / 4; i++) {
    if (fabsf(out[i] - scores[i]) > 1e-5) { fprintf(stderr, "score %zu is %g, expected %g\n", i, out[i], scores[i]); exit(1); }
  }
  int singles = 2000;
  for (int i = -200; i < singles; i++) {
    snprintf(array, sizeof array, "{\"data\":[%llu,true],\"shape\":[1,%zu],\"typestr\":\"<f4\",\"version\":3}",
             (unsigned long long)(uintptr_t)(rows + (size_t)((i + 200) % n) * features), features);
    double start = now();
    OK(XGBoosterPredictFromDense(booster, array, config, proxy, &shape, &dims, &out));
    sink = out[0];
    if (i >= 0) times[i] = now() - start;
  }
  printf("xgboost-single %.6g\n", least(times, singles));

  /* All rows as they are, then with each missing value filled with 0: what missing values cost. */
  float *filled = malloc(len);
  int missing = 0;
  for (size_t i = 0; i < n * features; i++) {
    missing |= isnan(rows[i]);
    filled[i] = isnan(rows[i]) ? 0 : rows[i];
  }
  for (int fill = 0; fill <= missing; fill++) {
    snprintf(array, sizeof array, "{\"data\":[%llu,true],\"shape\":[%zu,%zu],\"typestr\":\"<f4\",\"version\":3}",
             (unsigned long long)(uintptr_t)(fill ? filled : rows), n, features);
    for (int i = -2; i < 30; i++) {
      double start = now();
      OK(XGBoosterPredictFromDense(booster, array, config, proxy, &shape, &dims, &out));
      sink = out[0];
      if (i >= 0) times[i] = now() - start;
    }
    printf("xgboost-%s %.6g\n", fill ? "filled" : "batch", least(times, 30) / n);
  }

  Handle matrix;
  snprintf(array, sizeof array, "{\"data\":[%llu,true],\"shape\":[%zu,%zu],\"typestr\":\"<f4\",\"version\":3}",
           (unsigned long long)(uintptr_t)rows, some, features);
  OK(XGDMatrixCreateFromDense(array, "{\"missing\":NaN,\"nthread\":1}", &matrix));
  const char *contribs = "{\"type\":2,\"training\":false,\"iteration_begin\":0,\"iteration_end\":0,\"strict_shape\":false}";
  for (int i = -1; i < 8; i++) {
    double start = now();
    OK(XGBoosterPredictFromDMatrix(booster, matrix, contribs, &shape, &dims, &out));
    sink = out[0];
    if (i >= 0) times[i] = now() - start;
  }
  printf("xgboost-contributions %.6g\n", least(times, 8) / some);
  OK(XGDMatrixFree(matrix));
  /* A different row each time, as in a service; making the matrix is not counted. */
  int explanations = 50;
  for (int i = -1; i < explanations; i++) {
    snprintf(array, sizeof array, "{\"data\":[%llu,true],\"shape\":[1,%zu],\"typestr\":\"<f4\",\"version\":3}",
             (unsigned long long)(uintptr_t)(rows + (size_t)((i + 1) % n) * features), features);
    OK(XGDMatrixCreateFromDense(array, "{\"missing\":NaN,\"nthread\":1}", &matrix));
    double start = now();
    OK(XGBoosterPredictFromDMatrix(booster, matrix, contribs, &shape, &dims, &out));
    sink = out[0];
    if (i >= 0) times[i] = now() - start;
    OK(XGDMatrixFree(matrix));
  }
  printf("xgboost-explanation %.6g\n", least(times, explanations));

  char name[4096];
  snprintf(name, sizeof name, "%s.so", argv[1]);
  void *library = dlopen(name, RTLD_NOW);
  if (!library) return 0;
  void (*predict)(union Entry *, int, float *) = dlsym(library, "predict");
  union Entry *entries = malloc(n * features * sizeof *entries);
  for (size_t i = 0; i < n * features; i++) {
    if (isnan(rows[i])) entries[i].missing = -1; else entries[i].fvalue = rows[i];
  }
  float result[16];
  /* One row: a different row each time, as in a service; 64 calls per reading of the clock. */
  for (int i = -20; i < 500; i++) {
    double start = now();
    for (int j = 0; j < 64; j++) {
      predict(entries + (((i + 20) * 64 + j) % n) * features, 0, result);
      sink = result[0];
    }
    if (i >= 0) times[i] = (now() - start) / 64;
  }
  printf("tl2cgen-single %.6g\n", least(times, 500));
  for (int i = -1; i < 30; i++) {
    double start = now();
    for (size_t j = 0; j < n; j++) {
      predict(entries + j * features, 0, result);
      sink = result[0];
    }
    if (i >= 0) times[i] = (now() - start) / n;
  }
  printf("tl2cgen-batch %.6g\n", least(times, 30));
  return 0;
}
