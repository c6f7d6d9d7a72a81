package main

import (
	"bufio"
	"encoding/json"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

type job struct {
	InFlight      int     `json:"inFlight"`
	Seconds       float64 `json:"seconds"`
	WarmupSeconds float64 `json:"warmupSeconds"`
}

type result struct {
	CallsPerSecond float64 `json:"callsPerSecond"`
	P50            float64 `json:"p50"`
	P99            float64 `json:"p99"`
	Errors         int64   `json:"errors"`
	FirstError     string  `json:"firstError,omitempty"`
}

// serveJobs reads one job a line and answers with one result a line; prepare makes the call function of one worker.
func serveJobs(prepare func(worker int) func() error) {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var j job
		if err := json.Unmarshal(lines.Bytes(), &j); err != nil {
			fail(err)
		}
		line(drive(j, prepare))
	}
}

type worker struct {
	calls     int64
	errors    int64
	firstFail string
	latencies []float64
}

// drive keeps a fixed number of calls in flight: one goroutine each, closed loop.
func drive(j job, prepare func(worker int) func() error) result {
	var measuring, stopped atomic.Bool
	workers := make([]worker, j.InFlight)
	var running sync.WaitGroup
	running.Add(j.InFlight)
	for i := range workers {
		go func(w *worker, call func() error) {
			defer running.Done()
			for !stopped.Load() {
				start := time.Now()
				err := call()
				if err != nil {
					w.errors++
					w.firstFail = err.Error()
				}
				if measuring.Load() && !stopped.Load() {
					w.calls++
					w.latencies = append(w.latencies, float64(time.Since(start))/1e6)
				}
			}
		}(&workers[i], prepare(i))
	}
	time.Sleep(time.Duration(j.WarmupSeconds * float64(time.Second)))
	start := time.Now()
	measuring.Store(true)
	time.Sleep(time.Duration(j.Seconds * float64(time.Second)))
	stopped.Store(true)
	elapsed := time.Since(start).Seconds()
	running.Wait()
	return summarise(workers, elapsed)
}

func summarise(workers []worker, elapsed float64) result {
	var r result
	var calls int64
	var latencies []float64
	for i := range workers {
		calls += workers[i].calls
		r.Errors += workers[i].errors
		if workers[i].firstFail != "" {
			r.FirstError = workers[i].firstFail
		}
		latencies = append(latencies, workers[i].latencies...)
	}
	slices.Sort(latencies)
	r.CallsPerSecond = float64(calls) / elapsed
	if n := len(latencies); n > 0 {
		r.P50, r.P99 = latencies[n/2], latencies[n*99/100]
	}
	return r
}
