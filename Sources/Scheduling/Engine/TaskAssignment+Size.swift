import AnabranchCore

extension TaskAssignment {
    /// About as many bytes as it takes in a message, rather more than fewer.
    var bytes: Int {
        var bytes = 512 + node.utf8.count
        work.forEachReference { reference in
            // With what stands around it: view, item, and the key of a gathered item.
            bytes += 160
            if case .inline(let data) = reference.location { bytes += data.count }
        }
        return bytes
    }
}
