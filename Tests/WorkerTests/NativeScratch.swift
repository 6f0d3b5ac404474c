import AnabranchCore
import Foundation
import ObjectStore
import Testing

@testable import Worker

/// A store and what is needed to call native functions on it.
final class NativeScratch {
    let directory: StoreDirectory
    let store: NativeStore
    private let parent: String

    init() throws {
        parent = "/dev/shm/test-native-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: false)
        directory = try StoreDirectory.create(in: parent)
        store = try NativeStore(directory: directory.path, writer: WriterID(1), inlineThreshold: 256, budget: 0)
    }

    deinit { try? FileManager.default.removeItem(atPath: parent) }

    func array<Element: TensorElement>(
        _ elements: [Element], _ shape: [Int]? = nil, order: TensorHeader.Order = .c
    ) throws -> View {
        View(object: try store.writer.writeTensor(elements, shape: shape ?? [elements.count], order: order))
    }

    func view(_ base: View, rows: [Int64]) throws -> View {
        View(object: base.object, rows: try store.writer.writeTensor(rows))
    }

    func pickled() throws -> View {
        View(object: try store.writer.write(.pickle5, length: 100) { _ in })
    }

    func call(_ function: String, _ inputs: [AnabranchCore.Data], parameters: String = "", output: Bool = true) throws
        -> Success
    {
        let work = NativeWork(
            function: function, parameters: Array(parameters.utf8), input: Input(form: .edges, items: [inputs]),
            output: output)
        return try call(work)
    }

    func call(_ work: NativeWork) throws -> Success {
        let body = try #require(NativeFunctionRegistry.standard.function(named: work.function))
        return try body(NativeCall(work: work, node: "node", store: store))
    }

    func shape(_ view: View?) throws -> [Int] { try store.reader.tensor(#require(view).object).shape }

    /// The elements that a view shows, row after row.
    func elements<Element: TensorElement>(_ view: View?, of type: Element.Type) throws -> [Element] {
        let view = try #require(view)
        let tensor = try store.reader.tensor(view.object)
        let all = try #require(tensor.elements(of: type))
        guard let rows = view.rows else { return all }
        let width = tensor.shape.dropFirst().reduce(1, *)
        let indices = try #require(try store.reader.tensor(rows).elements(of: Int64.self))
        return indices.flatMap { all[Int($0) * width..<(Int($0) + 1) * width] }
    }
}
