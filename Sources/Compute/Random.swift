import Glibc

/// A stream of random numbers whose whole state is a key and a counter.
///
/// The n-th number is a hash of key and n (SplitMix64, Steele et al. 2014), so that a stream can be
/// saved and continued exactly. Distributions equal those of Caffe, the numbers do not: Caffe's
/// come from Boost and depend on its version.
public struct RandomStream: Sendable, Equatable {
  /// What sets this stream apart from others.
  public let key: UInt64
  /// How many numbers have been drawn.
  public var counter: UInt64

  /// Makes the stream of a key, continued after `counter` numbers.
  public init(key: UInt64, counter: UInt64 = 0) {
    self.key = key
    self.counter = counter
  }

  /// Makes the stream that belongs to `purpose` (a layer's name, say) under a seed.
  public init(seed: UInt64, purpose: String) {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in purpose.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    self.init(key: RandomStream.mix(seed &+ RandomStream.mix(hash)))
  }

  /// The mixing function of SplitMix64.
  public static func mix(_ input: UInt64) -> UInt64 {
    var z = input &+ 0x9e37_79b9_7f4a_7c15
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// The next 64 random bits.
  public mutating func next() -> UInt64 {
    counter &+= 1
    return RandomStream.mix(key &+ counter &* 0x9e37_79b9_7f4a_7c15)
  }

  /// The next number from [0, 1), of 53 random bits.
  public mutating func unit() -> Double {
    Double(next() >> 11) * 0x1p-53
  }

  /// The next whole number below `bound`, which is above 0.
  public mutating func below(_ bound: Int) -> Int {
    Int(next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// The next number of the standard normal distribution (Box–Muller, one of the pair).
  public mutating func normal() -> Double {
    let radius = (-2 * log(1 - unit())).squareRoot()
    return radius * cos(2 * .pi * unit())
  }
}
