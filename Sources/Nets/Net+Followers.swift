public import Compute
import Layers

/// What moves parameters by their gradients while a backward pass computes these.
struct Followers {
  /// By the place of the parameter.
  var all: [Int: any GradientFollower] = [:]
  /// Whether passes are to use them.
  var isOn = false
  /// Those that the passes use, at the shapes of the plan.
  fileprivate(set) var active: [Int: any GradientFollower] = [:]
}

extension Net {
  /// Whether nothing but one layer needs the gradient of a parameter, and that layer can tell it piece
  /// by piece.
  public func canFollow(_ parameter: Int) -> Bool {
    let uses = nodes.indices.flatMap { node in
      parameterIndices[node].indices.filter { parameterIndices[node][$0] == parameter }
        .map { (node: nodes[node], index: $0) }
    }
    guard uses.count == 1, let use = uses.first, use.node.needsBackward,
      let layer = use.node.layer as? any GradientStreaming
    else { return false }
    return use.node.learns[use.index] && layer.streamsGradient(of: use.index)
  }

  /// Gives parameters, by their places, what moves them in each pass `backward(following: true)`.
  ///
  /// Their gradients take no memory then, as long as no other backward pass comes.
  public func follow(_ followers: [Int: any GradientFollower]) {
    self.followers.all = followers
    setFollowing(true)
  }

  /// Whether the last backward pass has moved the parameter.
  public func isFollowed(_ parameter: Int) -> Bool { followers.active[parameter] != nil }

  func setFollowing(_ isOn: Bool) {
    guard followers.isOn != isOn else { return }
    followers.isOn = isOn
    chooseFollowers()
    prepareGradients()
    if !planIsStale { preparePasses() }
  }

  /// Which followers the passes use: shapes decide whether a layer can tell its gradients.
  func chooseFollowers() {
    followers.active = followers.isOn ? followers.all.filter { canFollow($0.key) } : [:]
    for parameter in followers.active.keys { parameters[parameter].blob.dropGradient() }
  }

  /// What a layer that takes the whole batch is to compute.
  func pass(of number: Int) -> BackwardPass {
    let node = nodes[number]
    let active = followers.active
    let followers = parameterIndices[number].map { active[$0] }
    return BackwardPass(
      propagate: node.propagates,
      gradients: followers.enumerated().map { $1 == nil ? node.gradient($0) : nil },
      followers: followers)
  }
}
