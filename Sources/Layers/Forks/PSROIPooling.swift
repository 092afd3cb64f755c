import CKernels
import Compute
import Prototxt
import Schema

/// Makes of each region of interest a grid of means, each cell from channels of its own, of R-FCN.
///
///     y[r, c, i, j] = mean of x[n, (c · group_size + i) · group_size + j] over cell (i, j) of region r
///
/// Corners are rounded, and then multiplied by spatial_scale; a region is at least 0.1 places long and
/// wide. A cell outside the image is 0.
///
/// Shapes: `x` N × output_dim·group_size² × H × W; regions R × 5 (n, left, top, right, bottom in pixels);
/// `y` R × output_dim × group_size × group_size. Gradient: the places of a cell share its dy.
final class PSROIPooling: BatchLayer {
  static let reference = LayerReference(
    "PSROIPooling", .vision,
    summary: "Makes of each region of interest a grid of means, each cell from its own channels.",
    formula: "y[r, c, i, j] = mean of x[n, (c·g + i)·g + j] over cell (i, j) of region r, "
      + "g = group_size",
    shapes: "x: N × output_dim·g² × H × W; regions: R × 5 (n, left, top, right, bottom); "
      + "y: R × output_dim × g × g",
    notes: "Of R-FCN. A cell outside the image is 0. The regions pass no gradient.",
    arity: Arity(2...2, 1...1),
    parameters: [
      ParameterTable(
        "psroi_pooling_param",
        [
          "spatial_scale": "What the regions' corners are multiplied by; must be given.",
          "output_dim": "Channels of the top; must be given.",
          "group_size": "Cells along each side of the grid; must be given.",
        ])
    ], isExtension: true)
  static let samples = [
    LayerSample(
      "psroi_pooling_param { spatial_scale: 0.5 output_dim: 3 group_size: 2 }",
      bottoms: [
        .uniform([2, 12, 5, 6]),
        .constants([3, 5], [0, 0, 0, 9, 8, 1, 3, 2, 6, 9, 0, 14, 1, 20, 4]),
      ])
  ]

  private let spec: LayerSpec
  private let workers: Workers
  private let outputs: Int
  private let group: Int
  private var plan = nk_regions()
  private var regions = Regions()
  private var images = 0
  private(set) var operations = 0

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("psroi_pooling_param")
    self.spec = spec
    workers = context.workers
    outputs = try spec.positive(given, "output_dim")
    group = try spec.positive(given, "group_size")
    try spec.checkCount([outputs, group, group], "a region", at: given.location("group_size"))
    guard given.has("spatial_scale") else {
      throw spec.error(
        "spatial_scale is missing", at: given.location, help: "add spatial_scale: …")
    }
    (plan.pooled_h, plan.pooled_w, plan.scale) = (group, group, given.float("spatial_scale"))
  }

  func takesGradient(bottom: Int) -> Bool { bottom == 0 }

  var backwardReads: BackwardReads { .bottoms(1) }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    try spec.requireImages(bottoms)
    try regions.reshape(spec, bottoms)
    let x = bottoms[0]
    guard x[1] == outputs * group * group else {
      throw spec.error(
        "'\(spec.bottoms[0])' (\(x.display)) has \(x[1]) channels, but output_dim · group_size² is "
          + "\(outputs * group * group)", at: spec.message.location("bottom"))
    }
    (images, plan.channels, plan.height, plan.width) = (x[0], x[1], x[2], x[3])
    operations = x.count
    return [[regions.count, outputs, group, group]]
  }

  private var plane: Int { plan.height * plan.width }

  func forward(_ bottom: [Blob], _ top: [Blob]) throws {
    try regions.check(bottom[1], images: images)
    workers.forEachRange(of: regions.count, grain: 1) { part, _ in
      var plan = plan
      for region in part {
        let image = regions.image(bottom[1], region)
        nk_psroi_pool_forward(
          top[0].values + region * plan.channels,
          bottom[0].values + image * plan.channels * plane, regions.corners(bottom[1], region),
          &plan)
      }
    }
  }

  func backward(_ top: [Blob], _ bottom: [Blob], pass: BackwardPass) {
    guard pass.propagate[0] else { return }
    workers.forEachRange(of: plan.channels, grain: 4) { part, _ in
      var plan = plan
      for channel in part {
        for image in 0..<images {
          nk_fill(bottom[0].gradient + (image * plan.channels + channel) * plane, 0, plane)
        }
        for region in 0..<regions.count {
          let image = regions.image(bottom[1], region)
          nk_psroi_pool_backward(
            bottom[0].gradient + (image * plan.channels + channel) * plane,
            top[0].gradient + region * plan.channels, regions.corners(bottom[1], region), channel,
            &plan)
        }
      }
    }
  }
}
