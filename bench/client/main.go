// A light agent for measurements: grpc-go over the unix socket, nothing verified or kept. Ways to run it:
//
//	client first N   one first X509-SVID, then N further connections; prints the times
//	client storm N   at a line on standard input opens N connections at once, then holds them
//	client flood N   from a line on standard input to its end opens connections as fast as it can, one after another, says a little on
//	                 each and leaves it
//	client burn N    meanwhile keeps a processor busy for N parts of a thousand
//	client watch N   opens N X.509 streams on one connection, and says of each later round when its first and its last message came
//	client load N    holds one X.509 stream and fetches JWT-SVIDs, N at a time, from a line on standard input to its end
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spiffe/go-spiffe/v2/proto/spiffe/workload"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/metadata"
)

func connect() *grpc.ClientConn {
	conn, err := grpc.NewClient(os.Getenv("SPIFFE_ENDPOINT_SOCKET"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		fail(err)
	}
	return conn
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func say(value any) {
	if err := json.NewEncoder(os.Stdout).Encode(value); err != nil {
		fail(err)
	}
}

func withHeader() context.Context {
	return metadata.AppendToOutgoingContext(context.Background(), "workload.spiffe.io", "true")
}

// fetch opens a stream on a connection of its own and returns once it has the first answer.
func fetch() (*grpc.ClientConn, workload.SpiffeWorkloadAPI_FetchX509SVIDClient, time.Duration) {
	start := time.Now()
	conn := connect()
	stream, err := workload.NewSpiffeWorkloadAPIClient(conn).FetchX509SVID(withHeader(), &workload.X509SVIDRequest{})
	if err == nil {
		_, err = stream.Recv()
	}
	if err != nil {
		fail(err)
	}
	return conn, stream, time.Since(start)
}

func first(further int) {
	kept, _, took := fetch()
	times := []float64{}
	for i := 0; i < further; i++ {
		conn, _, again := fetch()
		times = append(times, again.Seconds()*1000)
		conn.Close()
	}
	say(map[string]any{"firstMs": took.Seconds() * 1000, "furtherMs": times})
	kept.Close()
}

func storm(connections int, input *bufio.Reader) {
	say(map[string]any{"waiting": true})
	input.ReadString('\n')
	var all sync.WaitGroup
	var longest atomic.Int64
	for i := 0; i < connections; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			_, _, took := fetch()
			for {
				before := longest.Load()
				if int64(took) <= before || longest.CompareAndSwap(before, int64(took)) {
					return
				}
			}
		}()
	}
	all.Wait()
	say(map[string]any{"opened": connections, "longestMs": time.Duration(longest.Load()).Seconds() * 1000})
	io.Copy(io.Discard, input)
}

// unread is a message as it came: a hundred programs that decode would take the cores that are measured.
type unread struct{}

func (unread) Marshal(any) ([]byte, error) { return nil, nil }
func (unread) Unmarshal([]byte, any) error { return nil }
func (unread) Name() string                { return "proto" }

var _ encoding.Codec = unread{}

func watch(streams int, input *bufio.Reader) {
	say(map[string]any{"waiting": true})
	input.ReadString('\n')
	conn := connect()
	method := &grpc.StreamDesc{ServerStreams: true}
	heard := make(chan int, streams)
	for i := 0; i < streams; i++ {
		stream, err := conn.NewStream(withHeader(), method, "/SpiffeWorkloadAPI/FetchX509SVID", grpc.ForceCodec(unread{}))
		if err == nil {
			err = stream.SendMsg(nil)
		}
		if err == nil {
			err = stream.CloseSend()
		}
		if err != nil {
			fail(err)
		}
		go func() {
			for round := 0; ; round++ {
				if err := stream.RecvMsg(nil); err != nil {
					fail(err)
				}
				heard <- round
			}
		}()
	}
	go func() {
		io.Copy(io.Discard, input)
		os.Exit(0)
	}()
	counts := map[int]int{}
	firsts := map[int]int64{}
	for round := range heard {
		now := time.Now().UnixMicro()
		if counts[round] == 0 {
			firsts[round] = now
		}
		counts[round]++
		if counts[round] == streams {
			say(map[string]any{fmt.Sprintf("round%d", round): streams, "firstMs": float64(firsts[round]) / 1000, "lastMs": float64(now) / 1000})
		}
	}
}

// begun waits for a line on standard input; what it returns turns true at the end of the input.
func begun(input *bufio.Reader) *atomic.Bool {
	ended := new(atomic.Bool)
	say(map[string]any{"waiting": true})
	input.ReadString('\n')
	go func() {
		io.Copy(io.Discard, input)
		ended.Store(true)
	}()
	return ended
}

func flood(input *bufio.Reader) {
	path := strings.TrimPrefix(os.Getenv("SPIFFE_ENDPOINT_SOCKET"), "unix://")
	ended := begun(input)
	opened, refused := 0, 0
	for !ended.Load() {
		conn, err := net.Dial("unix", path)
		if err != nil {
			refused++
			continue
		}
		opened++
		conn.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"))
		conn.Close()
	}
	say(map[string]any{"opened": opened, "refused": refused})
}

func burn(thousandths int, input *bufio.Reader) {
	ended := begun(input)
	for !ended.Load() {
		began := time.Now()
		for time.Since(began) < time.Duration(thousandths)*10*time.Microsecond {
		}
		time.Sleep(time.Duration(1000-thousandths) * 10 * time.Microsecond)
	}
	say(map[string]any{"opened": 0, "refused": 0})
}

func load(parallel int, input *bufio.Reader) {
	conn, stream, _ := fetch()
	client := workload.NewSpiffeWorkloadAPIClient(conn)
	var jwt, x509, failed atomic.Int64
	var ended atomic.Bool
	var why atomic.Value
	why.Store("")
	go func() {
		for {
			if _, err := stream.Recv(); err != nil {
				if !ended.Load() {
					failed.Add(1)
					why.Store(err.Error())
				}
				return
			}
			x509.Add(1)
		}
	}()
	say(map[string]any{"waiting": true})
	input.ReadString('\n')
	x509.Store(0)
	var all sync.WaitGroup
	for i := 0; i < parallel; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for !ended.Load() {
				_, err := client.FetchJWTSVID(withHeader(), &workload.JWTSVIDRequest{Audience: []string{"https://git.acme.example"}})
				if err != nil {
					failed.Add(1)
					why.Store(err.Error())
					time.Sleep(10 * time.Millisecond)
				} else {
					jwt.Add(1)
				}
			}
		}()
	}
	io.Copy(io.Discard, input)
	ended.Store(true)
	all.Wait()
	say(map[string]any{"jwt": jwt.Load(), "x509": x509.Load(), "failed": failed.Load(), "why": why.Load()})
	conn.Close()
}

func main() {
	// One thread, as an agent in Node or Python has: schedulers that look for work would take the cores that are measured.
	runtime.GOMAXPROCS(1)
	if len(os.Args) != 3 {
		fail(fmt.Errorf("usage: client first|storm|flood|burn|watch|load N"))
	}
	count, err := strconv.Atoi(os.Args[2])
	if err != nil || count < 0 {
		fail(fmt.Errorf("not a count: %s", os.Args[2]))
	}
	input := bufio.NewReader(os.Stdin)
	switch os.Args[1] {
	case "first":
		first(count)
	case "storm":
		storm(count, input)
	case "flood":
		flood(input)
	case "burn":
		burn(count, input)
	case "watch":
		watch(count, input)
	case "load":
		load(count, input)
	default:
		fail(fmt.Errorf("no such way: %s", os.Args[1]))
	}
}
