package signin_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"countersign/internal/domain/application"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow"
	"countersign/internal/testkit/dbtest"
	"countersign/internal/testkit/flowkit"
)

// BenchmarkSignIn is a whole sign-in by code, without HTTP: begin, resume, code, resume, finish, collect.
func BenchmarkSignIn(b *testing.B) {
	for _, database := range []struct {
		name string
		open func(testing.TB) flow.DB
	}{{"SQLite", dbtest.SQLite}, {"PostgreSQL", dbtest.PostgreSQL}} {
		b.Run(database.name, func(b *testing.B) { benchmarkSignIn(flowkit.New(b, database.open(b)), b) })
	}
}

func benchmarkSignIn(k *flowkit.Kit, b *testing.B) {
	app := k.Application("Payroll", func(a *application.Application) { a.Policy.Spare = "off" })
	const people = 32
	phones := make([]*flowkit.Phone, people)
	for i := range people {
		name := fmt.Sprint("person", i)
		phones[i] = k.Enrolled(app, name)
		k.OK(k.Begin(app, name).Code(phones[i].Code(), transaction.SignIn))
	}
	var left atomic.Int64
	left.Store(int64(b.N))
	done := make(chan error, people)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range people {
		go func() {
			for left.Add(-1) >= 0 {
				l, err := k.TryBegin(app, fmt.Sprint("person", i))
				if err == nil {
					err = l.Code(phones[i].Code(), transaction.SignIn)
				}
				if err == nil {
					_, err = l.Enter()
				}
				if err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range people {
		k.OK(<-done)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sign-ins/s")
}
