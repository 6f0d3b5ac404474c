/// Objects of which a runtime had reported views, and has none any more.
public struct HeldReleased: Hashable, Sendable {
    public var holder: WriterID
    public var objects: [ObjectID]

    public init(holder: WriterID, objects: [ObjectID]) {
        self.holder = holder
        self.objects = objects
    }
}
