// SPDX-License-Identifier: Apache-2.0
#include "common/datasets/catalog.h"

#include <utility>

namespace hebb::datasets {
namespace {

constexpr int64_t kIdxTrainImages = 16 + int64_t{60000} * 784;
constexpr int64_t kIdxTestImages = 16 + int64_t{10000} * 784;
constexpr int64_t kIdxTrainLabels = 8 + 60000;
constexpr int64_t kIdxTestLabels = 8 + 10000;
constexpr int64_t kCifar10Batch = int64_t{10000} * 3073;
constexpr int64_t kCifar100Record = 3074;

// A file's unpacked and packed sum.
using Sums = std::pair<const char*, const char*>;

std::vector<DataFile> IdxFiles(Sums train_images, Sums train_labels, Sums test_images,
                               Sums test_labels) {
  const auto file = [](const char* name, int64_t bytes, Sums sums, LabelFormat labels) {
    return DataFile{name, bytes, sums.first, labels, std::string(name) + ".gz", sums.second};
  };
  return {file("train-images-idx3-ubyte", kIdxTrainImages, train_images, LabelFormat::kNone),
          file("train-labels-idx1-ubyte", kIdxTrainLabels, train_labels, LabelFormat::kIdx),
          file("t10k-images-idx3-ubyte", kIdxTestImages, test_images, LabelFormat::kNone),
          file("t10k-labels-idx1-ubyte", kIdxTestLabels, test_labels, LabelFormat::kIdx)};
}

DataSet Mnist() {
  DataSet set;
  set.name = set.folder = "mnist";
  set.classes = 10;
  set.files = IdxFiles({"ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"},
                       {"65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"},
                       {"0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"},
                       {"ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
                        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"});
  set.addresses = {"https://storage.googleapis.com/cvdf-datasets/mnist/",
                   "https://ossci-datasets.s3.amazonaws.com/mnist/",
                   "http://yann.lecun.com/exdb/mnist/"};
  return set;
}

DataSet FashionMnist() {
  DataSet set;
  set.name = "fashion_mnist";
  set.folder = "fashion-mnist";
  set.classes = 10;
  set.files = IdxFiles({"c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"},
                       {"bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
                        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"},
                       {"5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"},
                       {"0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
                        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"});
  set.addresses = {
      "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
      "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"};
  return set;
}

DataSet Cifar10() {
  DataSet set;
  set.name = set.folder = "cifar10";
  set.classes = 10;
  const std::pair<const char*, Sums> files[] = {
      {"data_batch_1.bin",
       {"cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
        "396e822813ee77eccef5b64862f4ec4a44109ed25d6b966c7e1cc2668ad039f2"}},
      {"data_batch_2.bin",
       {"a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
        "becf0ea919b44cfb5c9164ebc540c11d8cb9d783031a632ac2eb3a7c347dd8db"}},
      {"data_batch_3.bin",
       {"bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
        "8c35f9b682f5acdb33240662950b4035094545469443cb4dec51e9b679db983f"}},
      {"data_batch_4.bin",
       {"014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
        "a3485fdb58478ab02859068aec2f6842453c021e2f846e07466a7be41896de85"}},
      {"data_batch_5.bin",
       {"755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
        "ac64e086be4e761a0e5622f1b0551c3e5d526094f9d3cbba85840e79ede6ccac"}},
      {"test_batch.bin",
       {"8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
        "b3269a4ed2f9e94bf80b167e3bd3f45ee90dd868f6ce8fa3bdceae6e29189f17"}}};
  for (const auto& [name, sums] : files) {
    set.files.push_back({name, kCifar10Batch, sums.first, LabelFormat::kCifar10,
                         std::string(name) + ".xz", sums.second});
  }
  set.archive = "cifar-10-binary.tar.gz";
  set.archive_sha256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd";
  set.addresses = {"https://www.cs.toronto.edu/~kriz/"};
  return set;
}

DataSet Cifar100() {
  DataSet set;
  set.name = set.folder = "cifar100";
  set.classes = 100;
  set.files = {{"train.bin", 50000 * kCifar100Record,
                "f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29",
                LabelFormat::kCifar100, "train.bin.xz", ""},
               {"test.bin", 10000 * kCifar100Record,
                "d8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a",
                LabelFormat::kCifar100, "test.bin.xz", ""}};
  set.archive = "cifar-100-binary.tar.gz";
  set.archive_sha256 = "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec";
  set.addresses = {"https://www.cs.toronto.edu/~kriz/"};
  return set;
}

DataSet Glyphs() {
  DataSet set;
  set.name = set.folder = "glyphs";
  set.classes = 10;
  return set;
}

}  // namespace

const std::vector<DataSet>& Catalog() {
  static const auto& catalog =
      *new std::vector<DataSet>{Mnist(), FashionMnist(), Cifar10(), Cifar100(), Glyphs()};
  return catalog;
}

const DataSet* FindDataSet(absl::string_view name) {
  for (const DataSet& set : Catalog()) {
    if (set.name == name) return &set;
  }
  return nullptr;
}

}  // namespace hebb::datasets
