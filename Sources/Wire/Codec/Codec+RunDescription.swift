import CMessages
import PipelineGraph

extension RunDescription: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__RunDescription>) {
        anabranch__v1__run_description__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__RunDescription>) throws(WireError) {
        self.init(
            graph: try Field.requiredMessage(message.pointee.graph, "RunDescription.graph"),
            mode: try Field.known(message.pointee.mode.rawValue, "RunDescription.mode"))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__RunDescription>, _ arena: borrowing Arena) {
        message.pointee.graph = arena.message(graph)
        message.pointee.mode = Anabranch__V1__Mode(UInt32(mode.rawValue))
    }
}
