#include "base/error.h"
#include "data/iterator.h"

namespace plait::data {
namespace {

constexpr OptionDef kMnist[] = {
    {"image", "./train-images-idx3-ubyte", "file of the images, unpacked"},
    {"label", "./train-labels-idx1-ubyte", "file of the labels, unpacked"},
    {"batch_size", "128", "samples in a batch; what is left of the last one is left out"},
    {"shuffle", "true", "a new order in each pass"},
    {"seed", "0", "of the order"},
    {"flat", "false", "samples of shape (784,) instead of (1, 28, 28)"},
    {"silent", "false", "without a meaning here"},
    {"num_parts", "1", "parts that the samples are divided into"},
    {"part_index", "0", "the part to read"},
};
constexpr OptionDef kCsv[] = {
    {"data_csv", nullptr, "file with one sample a line and commas between its numbers"},
    {"data_shape", nullptr, "shape of a sample"},
    {"label_csv", "", "file of the labels; without one they are 0"},
    {"label_shape", "(1,)", "shape of a label"},
    {"batch_size", "1", "samples in a batch"},
    {"round_batch", "true", "fill the last batch from the start; else it is left out"},
};
constexpr OptionDef kImage[] = {
    {"path_imgrec", nullptr, "record file"},
    {"data_shape", nullptr, "(channels, height, width) of an image; 1 or 3 channels"},
    {"batch_size", nullptr, "images in a batch"},
    {"label_width", "1", "labels of an image"},
    {"shuffle", "false", "a new order in each pass"},
    {"seed", "0", "of the order and of the random changes"},
    {"seed_aug", "", "of the random changes; without it as seed"},
    {"num_parts", "1", "parts that the records are divided into"},
    {"part_index", "0", "the part to read"},
    {"round_batch", "true", "fill the last batch with the first records, else with its own"},
    {"dtype", "float32", "float32, uint8 or int8"},
    {"preprocess_threads", "4", "threads that decode"},
    {"prefetch_buffer", "4", "batches made ahead"},
    {"resize", "-1", "length of the shorter side before cropping, -1: as it is"},
    {"pad", "0", "border around the image before cropping, pixels"},
    {"fill_value", "255", "of the border"},
    {"rand_crop", "false", "crop at a random place"},
    {"random_resized_crop", "false", "crop of random size and ratio"},
    {"min_random_area", "1", "share of the image, for random_resized_crop"},
    {"max_random_area", "1", "share of the image, for random_resized_crop"},
    {"min_aspect_ratio", "0", "width by height of the part, or of a stretch; 0: as max says"},
    {"max_aspect_ratio", "0", "1 to 1 / max; below 1: the distance from 1"},
    {"rotate", "-1", "turn in degrees; -1: at random within max_rotate_angle"},
    {"max_rotate_angle", "0", "degrees"},
    {"max_shear_ratio", "0", "limit of u in x' = x + u y"},
    {"min_random_scale", "1", "limits of a factor of all lengths"},
    {"max_random_scale", "1", ""},
    {"min_img_size", "0", "limits of the sides after these changes, pixels; 0: none"},
    {"max_img_size", "0", ""},
    {"min_crop_size", "-1", "limits of the side of a square part, then resized; -1: none"},
    {"max_crop_size", "-1", ""},
    {"rand_mirror", "false", "exchange left and right at random"},
    {"mirror", "false", "exchange left and right"},
    {"brightness", "0", "limit of random changes"},
    {"contrast", "0", "limit of random changes"},
    {"saturation", "0", "limit of random changes"},
    {"hue", "0", "limit of random turns, half turns"},
    {"pca_noise", "0", "deviation of Krizhevsky's noise of colours"},
    {"random_h", "0", "limits of what is added to hue, lightness and saturation"},
    {"random_l", "0", ""},
    {"random_s", "0", ""},
    {"max_random_contrast", "0", "limit of u in pixel * (1 + u) + v"},
    {"max_random_illumination", "0", "limit of v"},
    {"mean_r", "0", "the result is (pixel - mean) * scale / std"},
    {"mean_g", "0", ""},
    {"mean_b", "0", ""},
    {"std_r", "1", ""},
    {"std_g", "1", ""},
    {"std_b", "1", ""},
    {"scale", "1", ""},
    {"inter_method", "1", "interpolation: 0 nearest, 1 linear, 2 cubic, 3 area, 4 Lanczos"},
    {"skip_broken", "false", "leave out records that cannot be read; else they are an error"},
    {"path_imgidx", "", "without a meaning here, as all that follow"},
    {"mean_a", "0", ""},
    {"std_a", "1", ""},
    {"verbose", "true", ""},
    {"ctx", "cpu", ""},
    {"device_id", "0", ""},
    {"aug_seq", "aug_default", ""},
    {"shuffle_chunk_size", "0", ""},
    {"shuffle_chunk_seed", "0", ""},
    {"data_layout", "NCHW", ""},
};

constexpr IteratorKind kKinds[] = {
    {"MNISTIter", "images and labels in LeCun's IDX format, pixels divided by 255", kMnist,
     make_mnist_iterator},
    {"CSVIter", "numbers in text files", kCsv, make_csv_iterator},
    {"ImageRecordIter", "images of a record file, decoded by threads ahead of use", kImage,
     make_image_iterator},
};

}  // namespace

std::span<const IteratorKind> iterator_kinds() { return kKinds; }

Options image_options(const Given& given) { return Options("ImageRecordIter", kImage, given); }

std::unique_ptr<Iterator> make_iterator(const std::string& kind, const Given& given) {
  std::string names;
  for (const IteratorKind& k : kKinds) {
    if (kind == k.name) return k.make(Options(kind, k.options, given));
    names += (names.empty() ? "" : ", ") + std::string(k.name);
  }
  fail(ErrorKind::kKey, "iterator: kind is '", kind, "', must be one of ", names);
}

}  // namespace plait::data
