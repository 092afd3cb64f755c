import CKernels
import Compute
import Prototxt
import Schema

/// Makes of each region of interest a grid of its largest values, of Fast R-CNN.
///
///     y[r, c, cell] = max x[n, c, place] over the places of the cell
///
/// A region's corners times spatial_scale, rounded, span at least one place; the grid divides it in
/// pooled_h × pooled_w cells that may share places. A cell outside the image is 0.
///
/// Shapes: `x` N × C × H × W; regions R × 5 (n, left, top, right, bottom in pixels); `y` R × C × pooled_h ×
/// pooled_w. Gradient: dx takes each dy at the place of the maximum.
final class ROIPooling: BatchLayer {
  static let reference = LayerReference(
    "ROIPooling", .vision,
    summary: "Makes of each region of interest a grid of its largest values.",
    formula: "y[r, c, cell] = max of x[n, c] over the cell of region r",
    shapes: "x: N × C × H × W; regions: R × 5 (n, left, top, right, bottom); "
      + "y: R × C × pooled_h × pooled_w",
    notes: "Of Fast R-CNN. A cell outside the image is 0. The regions pass no gradient.",
    arity: Arity(2...2, 1...1),
    parameters: [
      ParameterTable(
        "roi_pooling_param",
        [
          "pooled_h": "Rows of the grid; must be given.",
          "pooled_w": "Columns of the grid; must be given.",
          "spatial_scale": "What the regions' corners are multiplied by: places for a pixel.",
        ])
    ], isExtension: true)
  static let samples = [
    LayerSample(
      "roi_pooling_param { pooled_h: 2 pooled_w: 3 spatial_scale: 0.5 }",
      bottoms: [
        .values([2, 2, 5, 6], (0..<120).map { Float($0 * 37 % 120) / 30 - 2 }),
        .constants([3, 5], [0, 0, 0, 9, 8, 1, 3, 2, 6, 9, 0, 14, 1, 20, 4]),
      ])
  ]

  private let spec: LayerSpec
  private let workers: Workers
  private var plan = nk_regions()
  private var regions = Regions()
  private var images = 0
  private let mask = IndexMemory()
  private(set) var operations = 0

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    let given = spec.parameters("roi_pooling_param")
    self.spec = spec
    workers = context.workers
    plan.pooled_h = try spec.positive(given, "pooled_h")
    plan.pooled_w = try spec.positive(given, "pooled_w")
    plan.scale = given.float("spatial_scale")
  }

  func takesGradient(bottom: Int) -> Bool { bottom == 0 }

  var backwardReads: BackwardReads { .bottoms(1) }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    try spec.requireImages(bottoms)
    try regions.reshape(spec, bottoms)
    let x = bottoms[0]
    (images, plan.channels, plan.height, plan.width) = (x[0], x[1], x[2], x[3])
    let top = [regions.count, x[1], plan.pooled_h, plan.pooled_w]
    try spec.checkCount(top, "the top", at: spec.parameters("roi_pooling_param").location)
    mask.reserve(top.reduce(1, *))
    operations = x.count
    return [Shape(top)]
  }

  private var cells: Int { plan.pooled_h * plan.pooled_w }
  private var plane: Int { plan.height * plan.width }

  func forward(_ bottom: [Blob], _ top: [Blob]) throws {
    try regions.check(bottom[1], images: images)
    workers.forEachRange(of: regions.count, grain: 1) { part, _ in
      var plan = plan
      for region in part {
        let at = region * plan.channels * cells
        let image = regions.image(bottom[1], region)
        nk_roi_pool_forward(
          top[0].values + at, mask.pointer + at, bottom[0].values + image * plan.channels * plane,
          regions.corners(bottom[1], region), &plan)
      }
    }
  }

  func backward(_ top: [Blob], _ bottom: [Blob], pass: BackwardPass) {
    guard pass.propagate[0] else { return }
    // Regions share places, so that threads take channels, and each all regions in their order.
    workers.forEachRange(of: plan.channels, grain: 1) { part, _ in
      for channel in part {
        for image in 0..<images {
          nk_fill(bottom[0].gradient + (image * plan.channels + channel) * plane, 0, plane)
        }
        for region in 0..<regions.count {
          let image = regions.image(bottom[1], region)
          let at = (region * plan.channels + channel) * cells
          nk_scatter_add(
            bottom[0].gradient + (image * plan.channels + channel) * plane,
            top[0].gradient + at, mask.pointer + at, cells)
        }
      }
    }
  }
}
