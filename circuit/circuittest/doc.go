// Package circuittest holds carriers to their contract, and posts to theirs. It is for tests only.
//
// # For who writes a carrier
//
// [Run] is the contract of circuit.Carrier as tests: what every carrier keeps while its way is good. The contract lets a carrier lose,
// delay and alter, so the suite can only ask what happens when it need not, and it passes over repeats:
//
//	func TestContract(t *testing.T) {
//		circuittest.Run(t, func(t *testing.T, routes []telegram.Route) []circuit.Carrier {
//			… one carrier for each route, connected with each other, to be stopped by t.Cleanup …
//		})
//	}
//
// What it cannot see stays with the carrier's own tests: outages, bounds of memory, what a relay learns.
//
// # For who writes what stands on a carrier
//
// [Wild] is a network in memory, well-behaved at first, in which form it passes the suite. Each [Link] of it can be told to lose, repeat,
// reorder, delay, corrupt, grade again and fail; [Stats] say what it really did, so that a test knows that it was tested:
//
//	w := circuittest.NewWild(seed, paris, quito)
//	w.SetAll(circuittest.Link{Lose: 0.2, Repeat: 0.1, Delay: time.Second})
//	go p.Run(ctx, w.At(paris))
package circuittest
