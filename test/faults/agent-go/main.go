// One agent of the load, and with `drive` the parent of many: the same job and files as ../agent.js, by a SPIFFE client that others wrote
// and light enough to run a hundred times.
package main

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/status"
)

type received struct {
	Pid        int     `json:"pid"`
	StartTicks string  `json:"startTicks"`
	Kind       string  `json:"kind"`
	Serial     string  `json:"serial"`
	KeySha256  *string `json:"keySha256"`
	SpiffeID   string  `json:"spiffeId"`
	AtMs       int64   `json:"atMs"`
}

type asked struct {
	FromMs int64  `json:"fromMs"`
	ToMs   int64  `json:"toMs"`
	Code   uint32 `json:"code"`
}

func main() {
	// Whoever started us is gone: so are we.
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	if os.Args[1] == "drive" {
		drive(os.Args[2], number(os.Args[3]), os.Args[4])
		return
	}
	act(os.Args[1], number(os.Args[2]), time.Duration(number(os.Args[3]))*time.Millisecond)
}

func drive(folder string, count int, everyMs string) {
	agents := make([]*exec.Cmd, count)
	for index := range agents {
		agent := exec.Command("/proc/self/exe", folder, strconv.Itoa(index), everyMs)
		agent.Stdout, agent.Stderr = os.Stdout, os.Stderr
		_, err := agent.StdinPipe()
		must(err)
		must(agent.Start())
		agents[index] = agent
	}
	for _, agent := range agents { // referred to until then: a collected pipe would be closed
		_ = agent.Wait()
	}
}

type agent struct {
	sync.Mutex
	oracle, asks, flight *os.File
	index                int
	startTicks           string
	last                 string
	begun, ended         uint64
}

func act(folder string, index int, every time.Duration) {
	a := &agent{index: index, startTicks: startTicks()}
	a.oracle = open(filepath.Join(folder, "oracle", fmt.Sprintf("%d.jsonl", index)), os.O_APPEND|os.O_CREATE|os.O_WRONLY)
	a.asks = open(filepath.Join(folder, "asks", fmt.Sprintf("%d.jsonl", index)), os.O_APPEND|os.O_CREATE|os.O_WRONLY)
	a.flight = open(filepath.Join(folder, "flight"), os.O_WRONLY)

	ctx := context.Background()
	soon := grpc.ConnectParams{Backoff: backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.5, Jitter: 0.2, MaxDelay: 500 * time.Millisecond}}
	client, err := workloadapi.New(ctx, workloadapi.WithAddr(os.Getenv("SPIFFE_ENDPOINT_SOCKET")),
		workloadapi.WithBackoffStrategy(always(200*time.Millisecond)), workloadapi.WithDialOptions(grpc.WithConnectParams(soon)))
	must(err)
	go a.ask(ctx, client, every)
	for {
		_ = client.WatchX509Context(ctx, a)
		time.Sleep(200 * time.Millisecond) // a refusal ends the watch
	}
}

func (a *agent) received(kind, serial string, key *string, id string) {
	a.Lock()
	defer a.Unlock()
	line, err := json.Marshal(received{os.Getpid(), a.startTicks, kind, serial, key, id, time.Now().UnixMilli()})
	must(err)
	_, err = a.oracle.Write(append(line, '\n'))
	must(err)
	must(a.oracle.Sync())
}

func (a *agent) OnX509ContextUpdate(update *workloadapi.X509Context) {
	for _, svid := range update.SVIDs {
		leaf := svid.Certificates[0]
		serial := fmt.Sprintf("%032x", leaf.SerialNumber)
		if serial == a.last {
			continue
		}
		a.last = serial
		sum := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
		key := hex.EncodeToString(sum[:])
		a.received("x509-svid", serial, &key, svid.ID.String())
		public, err := x509.MarshalPKIXPublicKey(svid.PrivateKey.Public())
		if err != nil || sha256.Sum256(public) != sum {
			a.received("fault", serial, nil, svid.ID.String())
		}
	}
}

func (a *agent) OnX509ContextWatchError(error) {}

func (a *agent) ask(ctx context.Context, client *workloadapi.Client, every time.Duration) {
	time.Sleep(time.Duration(a.index*37) * time.Millisecond % every)
	for {
		from := time.Now()
		a.count(1, 0)
		limited, cancel := context.WithTimeout(ctx, 20*time.Second)
		svid, err := client.FetchJWTSVID(limited, jwtsvid.Params{Audience: "faults"})
		cancel()
		if err == nil {
			serial, _ := svid.Claims["jti"].(string)
			a.received("jwt-svid", serial, nil, svid.ID.String())
		}
		a.count(0, 1)
		line, _ := json.Marshal(asked{from.UnixMilli(), time.Now().UnixMilli(), uint32(status.Code(err))})
		_, _ = a.asks.Write(append(line, '\n'))
		time.Sleep(every - time.Since(from))
	}
}

func (a *agent) count(begun, ended uint64) {
	a.begun, a.ended = a.begun+begun, a.ended+ended
	slot := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, a.begun), a.ended)
	_, err := a.flight.WriteAt(slot, int64(a.index)*16)
	must(err)
}

type always time.Duration

func (delay always) NewBackoff() workloadapi.Backoff { return delay }
func (delay always) Next() time.Duration             { return time.Duration(delay) }
func (delay always) Reset()                          {}

func startTicks() string {
	stat, err := os.ReadFile("/proc/self/stat")
	must(err)
	text := string(stat)
	return strings.Fields(text[strings.LastIndexByte(text, ')')+1:])[19]
}

func open(path string, flags int) *os.File {
	file, err := os.OpenFile(path, flags, 0o600)
	must(err)
	return file
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	must(err)
	return value
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
