// Package bus wakes those who wait for something to change: flow.Bell inside one process (Hub) and
// between several nodes over one PostgreSQL (Postgres). It carries names of topics only. A ring may
// come once too often or, at worst, not at all: what is true is read from the database, and whoever
// waits looks there now and then anyway.
package bus

import (
	"sync"

	"countersign/internal/flow"
)

// shards keeps listeners of different topics from waiting for each other.
const shards = 64

// Hub is the bell of one process. The zero value is ready for use.
type Hub struct {
	shards [shards]shard
}

type shard struct {
	mu     sync.Mutex
	topics map[string][]chan struct{}
}

var _ flow.Bell = (*Hub)(nil)

// of picks the shard by FNV-1a.
func (h *Hub) of(topic string) *shard {
	hash := uint32(2166136261)
	for i := 0; i < len(topic); i++ {
		hash = (hash ^ uint32(topic[i])) * 16777619
	}
	return &h.shards[hash%shards]
}

// Ring wakes the listeners of the topics. It never waits for them: one ring that is not yet seen is enough.
func (h *Hub) Ring(topics ...string) {
	for _, topic := range topics {
		s := h.of(topic)
		s.mu.Lock()
		wake(s.topics[topic])
		s.mu.Unlock()
	}
}

// RingAll wakes everybody, after rings may have been missed.
func (h *Hub) RingAll() {
	for i := range h.shards {
		s := &h.shards[i]
		s.mu.Lock()
		for _, listeners := range s.topics {
			wake(listeners)
		}
		s.mu.Unlock()
	}
}

func wake(listeners []chan struct{}) {
	for _, c := range listeners {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// Listen implements flow.Bell. Call stop when done; the channel is not closed.
func (h *Hub) Listen(topic string) (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	s := h.of(topic)
	s.mu.Lock()
	if s.topics == nil {
		s.topics = make(map[string][]chan struct{})
	}
	s.topics[topic] = append(s.topics[topic], c)
	s.mu.Unlock()
	var once sync.Once
	return c, func() { once.Do(func() { s.remove(topic, c) }) }
}

func (s *shard) remove(topic string, c chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	listeners := s.topics[topic]
	for i := range listeners {
		if listeners[i] == c {
			listeners[i] = listeners[len(listeners)-1]
			listeners[len(listeners)-1] = nil
			listeners = listeners[:len(listeners)-1]
			break
		}
	}
	if len(listeners) == 0 {
		delete(s.topics, topic)
	} else {
		s.topics[topic] = listeners
	}
}
