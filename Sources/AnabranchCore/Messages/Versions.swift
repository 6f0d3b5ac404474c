/// What a process is made of. A text is empty where the process has no such part.
public struct Versions: Hashable, Sendable {
    public var protocolVersion: UInt32
    public var anabranch: String
    public var python: String
    public var cloudpickle: String
    public var numpy: String
    public var scikitLearn: String

    public init(
        protocolVersion: UInt32 = ProtocolVersion.current, anabranch: String = "", python: String = "",
        cloudpickle: String = "", numpy: String = "", scikitLearn: String = ""
    ) {
        self.protocolVersion = protocolVersion
        self.anabranch = anabranch
        self.python = python
        self.cloudpickle = cloudpickle
        self.numpy = numpy
        self.scikitLearn = scikitLearn
    }
}
