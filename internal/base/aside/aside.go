// Package aside runs work on a goroutine of its own while the caller waits for the result.
//
// A goroutine never gives back the stack it has grown. A request that holds a long poll for 25 seconds
// would keep a large stack for all of that time, and ten thousand requests would keep ten thousand. Work
// that needs a deep stack (the embedded database) therefore runs aside: its stack is freed when it returns.
package aside

import (
	"fmt"
	"runtime/debug"
)

// Do runs work and returns its value and error. A panic in work comes back as an error that holds the
// stack trace. Do has no deadline of its own: work must watch the caller's context.
func Do[T any](work func() (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		var o outcome
		defer func() {
			if v := recover(); v != nil {
				o.err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
			}
			done <- o
		}()
		o.value, o.err = work()
	}()
	o := <-done
	return o.value, o.err
}
