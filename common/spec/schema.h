// SPDX-License-Identifier: Apache-2.0
// The one table of the job file's keys. Describe(visitor, struct) shows a visitor every field of a
// struct with its key, range and meaning; the initialisers of spec.h are the defaults. The reader,
// the writer, the spec digest and the reference in docs/job_file.md are visitors, so that a key is
// added here and in spec.h and nowhere else.
//
// A visitor has Field(key, value, info) and Union(variant).
#ifndef HEBB_COMMON_SPEC_SCHEMA_H_
#define HEBB_COMMON_SPEC_SCHEMA_H_

#include <array>
#include <string>

#include "common/spec/field_info.h"
#include "common/spec/schema_learning.h"
#include "common/spec/schema_network.h"
#include "common/spec/spec.h"

namespace hebb::spec {

template <typename V>
void Describe(V& v, Augment& a) {
  v.Field("flip", a.flip, {.doc = "mirrors every second training image, left to right"});
  v.Field(
      "crop", a.crop,
      {.doc = "takes a random window of the image with N zeros around it", .min = 0, .max = 16});
  v.Field("shift", a.shift,
          {.doc = "moves the image by up to N pixels each way, reflecting its border",
           .min = 0,
           .max = 25});
}

template <typename V>
void Describe(V& v, Dataset& d) {
  v.Field("name", d.name,
          {.doc = "mnist, fashion_mnist, cifar10, cifar100 or glyphs", .required = true});
  v.Field("validation", d.validation,
          {.doc = "the last N training records are kept for validation", .min = 0, .max = 1e9});
  v.Field("path", d.path,
          {.doc = "folder of files in the set's original format, any record count",
           .default_text = "the set's folder below `--data-dir`"});
  v.Field("shuffle", d.shuffle, {.doc = "a new sample order in every epoch"});
  v.Field("normalize", d.normalize,
          {.doc = "pixels: unit = x/255; standard = (x/255 - mean) / std per channel, "
                  "not for glyphs; "
                  "signed = (x/255 - 0.5) / 0.5"});
  v.Field("augment", d.augment, {.doc = "random changes of training images"});
}

template <typename V>
void Describe(V& v, Init& i) {
  v.Field("from", i.from,
          {.doc = "safetensors to start from; read and uploaded by the client",
           .default_text = "draws"});
  v.Field("sha256", i.sha256,
          {.doc = "digest of that file", .default_text = "filled in by the client"});
  v.Field("distribution", i.distribution,
          {.doc = "of the first W, R and biases; docs/job_file.md has the formulas"});
}

template <typename V>
void Describe(V& v, Diagnostics& d) {
  v.Field("every_epochs", d.every_epochs,
          {.doc = "epochs between looks at angles, norms and saturation of each layer; 0 = never",
           .min = 0,
           .max = 1e6});
}

template <typename V>
void Describe(V& v, Digests& d) {
  v.Field(
      "every_steps", d.every_steps,
      {.doc = "steps between records of the weights' digest; 0 = never", .min = 0, .max = 1e12});
}

template <typename V>
void Describe(V& v, Verification& c) {
  v.Field("job", c.job, {.doc = "whose steps", .default_text = "set by `hebb verify`"});
  v.Field("from_step", c.from_step, {.doc = "a step whose state is known", .min = 0});
  v.Field("to_step", c.to_step, {.doc = "the last step", .min = 0});
}

// Its words: the key is sbatch's option as well.
struct SlurmWord {
  const char* key;
  std::string Slurm::*word;
  const char* doc;
};
inline constexpr std::array<SlurmWord, 4> kSlurmWords = {
    {{"partition", &Slurm::partition, "`--partition`"},
     {"account", &Slurm::account, "`--account`"},
     {"time", &Slurm::time, "`--time` of a worker"},
     {"constraint", &Slurm::constraint, "`--constraint`"}}};

template <typename V>
void Describe(V& v, Slurm& s) {
  for (const SlurmWord& each : kSlurmWords) {
    v.Field(each.key, s.*each.word,
            {.doc = each.doc, .default_text = "as the coordinator is configured"});
  }
}

template <typename V>
void Describe(V& v, Resources& r) {
  v.Field("workers", r.workers, {.doc = "how many it is to have", .min = 1, .max = 4096});
  v.Field("min_workers", r.min_workers,
          {.doc = "how few it may start or go on with", .min = 1, .max = 4096});
  v.Field("device", r.device, {.doc = "which kind of workers"});
  v.Field("priority", r.priority, {.doc = "higher goes first", .min = -1e6, .max = 1e6});
  v.Field("max_runtime", r.max_runtime, {.doc = "seconds; 0 = no limit", .min = 0, .max = 1e9});
  v.Field("gpu_memory", r.gpu_memory,
          {.doc = "what a worker's GPU must have free, as in 8GiB or 512MiB; of workers with a GPU",
           .default_text = "any"});
  v.Field("slurm", r.slurm, {.doc = "how SLURM is asked for workers, if the coordinator asks it"});
}

template <typename V>
void Describe(V& v, DataParallel& d) {
  v.Field("slices", d.slices,
          {.doc = "canonical slices of a batch, at least `workers`; 0 = one per worker, fastest, "
                  "without the promise of equal bits",
           .min = 0,
           .max = 4096});
}

template <typename V>
void Describe(V& v, CheckpointPolicy& c) {
  v.Field("every_steps", c.every_steps,
          {.doc = "steps between checkpoints", .min = 1, .max = 1e12});
  v.Field("keep", c.keep, {.doc = "how many stay", .min = 1, .max = 1000});
}

template <typename V>
void Describe(V& v, Job& j) {
  v.Field("name", j.name, {.doc = "shown in lists", .default_text = "the file's name"});
  v.Field("kind", j.kind,
          {.doc = "`hebb audit` makes audit of a file, `hebb evaluate` and `hebb verify` make "
                  "evaluate and verify of a job"});
  v.Field("seed", j.seed, {.doc = "key of every random draw", .min = 0});
  v.Field("dataset", j.dataset, {.doc = "what is learnt", .required = true});
  v.Field("network", j.network, {.doc = "what learns", .required = true});
  v.Field("learning", j.learning, {.doc = "how it learns"});
  v.Field("init", j.init, {.doc = "where the weights start"});
  v.Field("resources", j.resources, {.doc = "who does the work"});
  v.Field("data_parallel", j.data_parallel, {.doc = "how a batch is shared out"});
  v.Field("checkpoint", j.checkpoint, {.doc = "when the state is saved"});
  v.Field("diagnostics", j.diagnostics, {.doc = "what is looked at while it learns"});
  v.Field("digests", j.digests, {.doc = "when the weights' digest is put on record"});
  v.Field("verification", j.verification, {.doc = "which steps are trained again"});
}

}  // namespace hebb::spec

#endif  // HEBB_COMMON_SPEC_SCHEMA_H_
