import Testing

/// How large the nets of models/ are, by what was published of them.
///
/// Parameters are all that is learnt, as papers count: without BatchNorm's statistics, which are stored beside them.
/// Multiply-adds are those of convolutions, inner products and recurrent layers for one sample.
struct ModelSize: Sendable, CustomTestStringConvertible {
  let name: String
  /// Of the net for use.
  let parameters: Int
  /// What training has beyond that: side classifiers.
  var side = 0
  /// What BatchNorm stores: a mean and a variance for each channel, and one factor.
  var statistics = 0
  /// Of the net for use, for one sample.
  let multiplyAdds: Int
  /// What the training net computes for one sample, where that is another number.
  var trainingMultiplyAdds: Int?

  var testDescription: String { name }

  static let all = [
    // Krizhevsky et al. 2012: 60 million parameters. conv1 34,944 + conv2 307,456 (of two groups) +
    // conv3 885,120 + conv4 663,936 + conv5 442,624 + fc 37,752,832 + 16,781,312 + 4,097,000.
    // Multiply-adds: 105,415,200 + 223,948,800 + 149,520,384 + 112,140,288 + 74,760,192
    // + 37,748,736 + 16,777,216 + 4,096,000.
    ModelSize(name: "alexnet", parameters: 60_965_224, multiplyAdds: 724_406_816),
    ModelSize(name: "caffenet", parameters: 60_965_224, multiplyAdds: 724_406_816),
    // Simonyan and Zisserman 2014, table 2: 138 million. Multiply-adds: 15.47 G, as in He et al. 2015
    // (VGG-16: 15.3 G of convolutions).
    ModelSize(name: "vgg16", parameters: 138_357_544, multiplyAdds: 15_470_264_320),
    // He et al. 2015, table 1: 3.8 G. Parameters: 25.557 million, conv1 without bias. 53 BatchNorms of
    // 26,560 channels: 2 · 26,560 + 53 statistics.
    ModelSize(
      name: "resnet50", parameters: 25_557_032, statistics: 53_173, multiplyAdds: 3_857_973_248),
    // Szegedy et al. 2014: 1.5 G, and 6.8 million parameters, a little less than what its table 1 gives:
    // 6,998,552. The side classifiers are over the 512 channels of block 4a and the 528 of 4d.
    ModelSize(
      name: "googlenet", parameters: 6_998_552, side: sideParameters(512) + sideParameters(528),
      multiplyAdds: 1_582_671_872,
      trainingMultiplyAdds: 1_582_671_872 + sideProducts(512) + sideProducts(528)),
    // Iandola et al. 2016, version 1.1: 1.24 million, 0.35 G, 2.4 times less than version 1.0's 0.84 G.
    ModelSize(name: "squeezenet", parameters: 1_235_496, multiplyAdds: 349_151_936),
    // Howard et al. 2017, table 8: 569 million multiply-adds, 4.2 million parameters. 27 BatchNorms of
    // 10,944 channels: 2 · 10,944 + 27.
    ModelSize(
      name: "mobilenet", parameters: 4_231_976, statistics: 21_915, multiplyAdds: 568_740_352),
    // Shi et al. 2016: 26,752 inputs, hidden layers of 2,048, 26,752 classes.
    ModelSize(
      name: "fcn5", parameters: connected(hidden: 3).parameters,
      multiplyAdds: connected(hidden: 3).products),
    ModelSize(
      name: "fcn8", parameters: connected(hidden: 6).parameters,
      multiplyAdds: connected(hidden: 6).products),
    ModelSize(
      name: "lstm32", parameters: language.parameters, multiplyAdds: 32 * language.products),
    ModelSize(
      name: "lstm64", parameters: language.parameters, multiplyAdds: 64 * language.products),
    // 20 · (25 + 1) + 50 · (500 + 1) + 500 · (800 + 1) + 10 · (500 + 1);
    // 24² · 20 · 25 + 8² · 50 · 500 + 800 · 500 + 500 · 10.
    ModelSize(name: "lenet", parameters: 431_080, multiplyAdds: 2_293_000),
    // 32 · (25 + 1) + 64 · (800 + 1) + 1,024 · (3,136 + 1) + 10 · (1,024 + 1);
    // 28² · 32 · 25 + 14² · 64 · 800 + 3,136 · 1,024 + 1,024 · 10.
    ModelSize(name: "mnist-cnn", parameters: 3_274_634, multiplyAdds: 13_883_904),
    // (784 · 1,000 + 1,000 · 500 + 500 · 250 + 250 · 30) twice, and a bias for each unit.
    ModelSize(name: "autoencoder", parameters: 2_837_314, multiplyAdds: 2_833_000),
    // LeNet's 431,080 and 2 · (10 + 1); training takes two images.
    ModelSize(
      name: "siamese", parameters: 431_102, multiplyAdds: 2_293_020, trainingMultiplyAdds: 4_586_040
    ),
    // 32 · (75 + 1) + 32 · (800 + 1) + 64 · (800 + 1) + 64 · (1,024 + 1) + 10 · (64 + 1);
    // 32² · 32 · 75 + 16² · 32 · 800 + 8² · 64 · 800 + 1,024 · 64 + 64 · 10.
    ModelSize(name: "cifar10", parameters: 145_578, multiplyAdds: 12_354_176),
  ]

  /// A side classifier of GoogLeNet over so many channels: 1 × 1 to 128 channels, 4 × 4 · 128 values to
  /// 1,024 units, and those to 1,000 classes.
  private static func sideParameters(_ channels: Int) -> Int {
    (channels + 1) * 128 + (4 * 4 * 128 + 1) * 1_024 + (1_024 + 1) * 1_000
  }

  private static func sideProducts(_ channels: Int) -> Int {
    4 * 4 * channels * 128 + 4 * 4 * 128 * 1_024 + 1_024 * 1_000
  }

  private static func connected(hidden: Int) -> (parameters: Int, products: Int) {
    let products = 2 * 26_752 * 2_048 + (hidden - 1) * 2_048 * 2_048
    return (products + hidden * 2_048 + 26_752, products)
  }

  /// A vector of 256 for each of 10,000 words, two layers of four gates over 256 values and 256 of the
  /// step before, and a score for each word; the products of one step.
  private static let language: (parameters: Int, products: Int) = {
    let cells = 2 * 4 * 256 * (256 + 256)
    let scores = 256 * 10_000
    return (10_000 * 256 + cells + 2 * 4 * 256 + scores + 10_000, cells + scores)
  }()
}
