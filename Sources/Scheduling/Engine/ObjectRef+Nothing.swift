import AnabranchCore

extension ObjectRef {
    /// Python's `None`, for a native call that answers nothing. It is the same object each time, written by nobody.
    static func nothing(_ epoch: Epoch) -> ObjectRef {
        let pickle: [UInt8] = [0x80, 0x05, 0x4E, 0x2E]
        // As docs/store.md lays out `pickle5`: no buffers, then the length of the pickle, then the pickle.
        let bytes: [UInt8] =
            Array("ABP5".utf8) + [0, 0, 0, 0] + [UInt8(pickle.count), 0, 0, 0, 0, 0, 0, 0] + pickle
        return ObjectRef(
            id: ObjectID(writer: WriterID(epoch.rawValue), sequence: 1), encoding: .pickle5,
            length: UInt64(bytes.count), location: .inline(bytes))
    }
}
