// Package aside does work on a goroutine of its own while the caller waits. A request that is about to
// wait for long keeps the stack it has grown; ten thousand of them keep ten thousand grown stacks. Work
// that needs a deep stack (the embedded database) is done aside, and its stack goes when it is done.
package aside

import (
	"fmt"
	"runtime/debug"
)

// Do runs work and returns what it returns. A panic in work comes back as an error with its stack.
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
