import AnabranchCore
import Testing

@testable import Scheduling

@Suite struct RecordsTests {
    @Test func holdsWhatAListWould() {
        var records = Records<RunID, String>()
        var expected: [(id: RunID, text: String)] = []
        var random = SystemRandomNumberGenerator()
        for step in 0..<5_000 {
            let id = RunID(UInt64.random(in: 1...40, using: &random))
            let place = expected.firstIndex { $0.id == id }
            #expect(records.contains(id) == (place != nil) && records[id] == place.map { expected[$0].text })
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                records[id] = "\(step)"
                if let place { expected[place].text = "\(step)" } else { expected.append((id, "\(step)")) }
            case 1:
                records[id]?.append("+")
                if let place { expected[place].text.append("+") }
            case 2:
                records[id] = nil
                if let place { expected.remove(at: place) }
            default: #expect(records.removeValue(forKey: id) == place.map { expected.remove(at: $0).text })
            }
            #expect(records.count == expected.count && records.isEmpty == expected.isEmpty)
        }
        #expect(records.keys == expected.map(\.id) && Array(records.values) == expected.map(\.text))
    }

    @Test func copiesAreTheirOwn() {
        var records = Records<RunID, [Int]>()
        records[RunID(1)] = [1]
        let copy = records
        records[RunID(1)]?.append(2)
        records[RunID(2)] = []
        #expect(copy[RunID(1)] == [1] && !copy.contains(RunID(2)))
    }
}
