/// Memory in which blobs lie that are not needed at the same time.
public final class MemoryPool: @unchecked Sendable {
  let storage = Storage()

  /// Makes an empty pool.
  public init() {}

  /// Makes room for `count` floats; what was there is lost if it grows, and all that lies here must be
  /// put in place again.
  public func reserve(_ count: Int) { storage.reserve(count) }
}

extension Blob {
  /// Moves the values to a place in a pool, for this blob and all that share them.
  public func placeValues(in pool: MemoryPool, at offset: Int) {
    valueStorage.lie(in: pool.storage, at: offset, count: count)
  }

  /// Moves the gradient to a place in a pool, for this blob and all that share it.
  public func placeGradient(in pool: MemoryPool, at offset: Int) {
    if let gradientStorage {
      gradientStorage.lie(in: pool.storage, at: offset, count: count)
    } else {
      let storage = Storage(at: pool.storage)
      storage.lie(in: pool.storage, at: offset, count: count)
      gradientStorage = storage
    }
  }

  /// Gives this blob alone other memory for its values: a place in a pool.
  public func takeApartValues(_ pool: MemoryPool) { valueStorage = Storage(at: pool.storage) }

  /// Gives this blob alone other memory for its gradient: a place in a pool.
  public func takeApartGradient(_ pool: MemoryPool) { gradientStorage = Storage(at: pool.storage) }

  /// Gives the values, where they lie in a pool, memory of their own again.
  public func ownValues() { valueStorage.standAlone(count) }

  /// Gives the gradient, where it lies in a pool, memory of its own again.
  public func ownGradient() { gradientStorage?.standAlone(count) }
}
