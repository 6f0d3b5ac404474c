/// Damages messages as a sick peer, a sick memory or a sick mind would.
struct ByteMutator {
    /// Bits turned, bytes changed, cut off, left out, put in and repeated, in one to four places.
    static func mutate(_ original: [UInt8], using random: inout some RandomNumberGenerator) -> [UInt8] {
        var bytes = original
        if !bytes.isEmpty, Bool.random(using: &random) {
            // One byte alone: most such messages can still be read.
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
            return bytes
        }
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &random)
            switch UInt8.random(in: 0..<7, using: &random) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes[place] = .random(in: 0...255, using: &random)
            case 2: bytes.removeSubrange(place...)
            case 3: bytes.remove(at: place)
            case 4: bytes.insert(.random(in: 0...255, using: &random), at: place)
            case 5: bytes.replaceSubrange(place..<min(place + 9, bytes.count), with: repeatElement(0xFF, count: 9))
            default:
                let end = Int.random(in: place...min(place + 64, bytes.count), using: &random)
                bytes.insert(contentsOf: bytes[place..<end], at: Int.random(in: 0...bytes.count, using: &random))
            }
        }
        return bytes
    }

    /// Grown far beyond what a sound peer sends.
    static func oversize(_ original: [UInt8], to count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count { bytes += original.isEmpty ? [0] : original }
        return bytes
    }
}
