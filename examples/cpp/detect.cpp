// Detect objects in an image with a file of `tools/export.py onnx`.
//
// Usage: detect MODEL.onnx IMAGE FX FY CX CY [SCORE]
// FX FY CX CY: focal lengths and principal point of the camera, pixels of the image.
// Prints a line per object: class, score, bottom centre x y z, length height width (metres),
// yaw (radians).
#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

// The image, scaled and centred in the input (CropScaleAffine).
struct Input {
  std::vector<std::uint8_t> pixels;  // 3 x height x width, blue, green, red
  std::vector<float> affine;         // 3 x 3, original to input pixels
};

// 'contain' shows the whole image, 'cover' fills the input, and 'width' fits the width.
// Without a fit, the model takes images of the input's size only.
double scale_of(const std::string& fit, const cv::Mat& image, int width, int height) {
  const double across = static_cast<double>(width) / image.cols;
  const double down = static_cast<double>(height) / image.rows;
  if (fit == "contain") return std::min(across, down);
  if (fit == "cover") return std::max(across, down);
  if (fit == "width" || (image.cols == width && image.rows == height)) return across;
  throw std::runtime_error("the model takes images of " + std::to_string(width) + "x" +
                           std::to_string(height) + " pixels");
}

Input prepare(const cv::Mat& image, int width, int height, double scale) {
  const double left = 0.5 * width - 0.5 * scale * image.cols;
  const double top = 0.5 * height - 0.5 * scale * image.rows;
  // OpenCV counts from the centre of the first pixel, the affine from its corner.
  const double half = 0.5 / scale - 0.5;
  const cv::Matx23d to_original(1 / scale, 0, half - left / scale,
                                0, 1 / scale, half - top / scale);
  cv::Mat warped;
  cv::warpAffine(image, warped, to_original, cv::Size(width, height),
                 cv::INTER_LINEAR | cv::WARP_INVERSE_MAP);
  std::vector<cv::Mat> planes;
  cv::split(warped, planes);
  Input input;
  for (const cv::Mat& plane : planes)
    input.pixels.insert(input.pixels.end(), plane.datastart, plane.dataend);
  const float s = static_cast<float>(scale);
  input.affine = {s, 0, static_cast<float>(left), 0, s, static_cast<float>(top), 0, 0, 1};
  return input;
}

// Entry of the file's metadata; empty without it.
std::string metadata(Ort::Session& session, const char* key) {
  Ort::AllocatorWithDefaultOptions allocator;
  const auto text = session.GetModelMetadata().LookupCustomMetadataMapAllocated(key, allocator);
  return text ? text.get() : "";
}

// The file stores its class names as a JSON list of strings.
std::vector<std::string> class_names(Ort::Session& session) {
  const std::string list = metadata(session, "class_names");
  if (list.empty()) throw std::runtime_error("the file detects no objects");
  std::vector<std::string> names;
  for (std::size_t start = list.find('"'); start != std::string::npos;) {
    const std::size_t end = list.find('"', start + 1);
    if (end == std::string::npos) break;
    names.push_back(list.substr(start + 1, end - start - 1));
    start = list.find('"', end + 1);
  }
  return names;
}

template <typename T>
Ort::Value tensor(std::vector<T>& values, const std::vector<std::int64_t>& shape) {
  static const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  return Ort::Value::CreateTensor<T>(memory, values.data(), values.size(), shape.data(),
                                     shape.size());
}

int run(int argc, char** argv) {
  if (argc < 7 || argc > 8) {
    std::fprintf(stderr, "usage: detect MODEL.onnx IMAGE FX FY CX CY [SCORE]\n");
    return 2;
  }
  const float fx = std::stof(argv[3]), fy = std::stof(argv[4]);
  const float cx = std::stof(argv[5]), cy = std::stof(argv[6]);
  const float least = argc == 8 ? std::stof(argv[7]) : 0.1f;

  Ort::Env environment(ORT_LOGGING_LEVEL_WARNING, "detect");
  Ort::Session session(environment, argv[1], Ort::SessionOptions());
  const auto type = session.GetInputTypeInfo(0);
  const auto image_info = type.GetTensorTypeAndShapeInfo();
  std::vector<std::int64_t> shape = image_info.GetShape();
  if (image_info.GetElementType() != ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8 || shape[0] > 1)
    throw std::runtime_error("export the model with --image-type uint8 and --batch 1");
  shape[0] = 1;  // -1 in a file of any number of images

  const cv::Mat image = cv::imread(argv[2], cv::IMREAD_COLOR);
  if (image.empty()) throw std::runtime_error(std::string(argv[2]) + ": no readable image");
  const int width = static_cast<int>(shape[3]), height = static_cast<int>(shape[2]);
  Input input = prepare(image, width, height,
                        scale_of(metadata(session, "fit"), image, width, height));
  std::vector<float> intrinsics = {fx, 0, cx, 0, 0, fy, cy, 0, 0, 0, 1, 0};

  std::vector<Ort::Value> inputs;
  inputs.push_back(tensor(input.pixels, shape));
  inputs.push_back(tensor(intrinsics, {1, 3, 4}));
  inputs.push_back(tensor(input.affine, {1, 3, 3}));
  const char* input_names[] = {"image", "intrinsics", "affine"};
  const char* output_names[] = {"boxes", "scores", "labels"};
  const std::vector<std::string> names = class_names(session);
  auto outputs = session.Run(Ort::RunOptions{nullptr}, input_names, inputs.data(),
                             inputs.size(), output_names, 3);

  const float* boxes = outputs[0].GetTensorData<float>();
  const float* scores = outputs[1].GetTensorData<float>();
  const std::int64_t* labels = outputs[2].GetTensorData<std::int64_t>();
  const std::int64_t count = outputs[1].GetTensorTypeAndShapeInfo().GetShape()[1];
  // Scores descend; the rows of dropped detections have score 0 and label -1.
  for (std::int64_t row = 0; row < count && scores[row] > 0 && scores[row] >= least; ++row) {
    std::printf("%s %.4f", names.at(static_cast<std::size_t>(labels[row])).c_str(), scores[row]);
    for (int column = 0; column < 7; ++column) std::printf(" %.3f", boxes[7 * row + column]);
    std::printf("\n");
  }
  return 0;
}

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "detect: error: %s\n", error.what());
    return 2;
  }
}
