import { render } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Call, devices, parseRoomLink, type CallSnapshot, type Participant } from '../sdk/index';

function Tile({ person }: { person: Participant }) {
  const ref = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (ref.current && ref.current.srcObject !== person.camera.stream) ref.current.srcObject = person.camera.stream;
  });
  return (
    <div data-testid="tile" data-participant={person.pid} data-name={person.name}>
      {person.name} {person.camera.state} {person.camera.layer}
      <video data-testid="tile-video" ref={ref} autoplay muted playsInline width={320} />
    </div>
  );
}
function App({ call }: { call: Call }) {
  const [s, set] = useState<CallSnapshot>(call.snapshot);
  useEffect(() => call.subscribe(set), []);
  const others = s.participants.filter((p) => !p.isSelf).map((p) => p.pid).join();
  useEffect(() => {
    if (others) call.setView(others.split(',').map((pid) => ({ pid, source: 'camera' as const, width: 640, height: 360 })));
  }, [others]);
  return (
    <div>
      <span data-testid="e2ee-badge" data-state={s.seal.state}>{s.seal.state} {s.seal.keys}</span>
      {s.error ? <p data-testid="error" data-code={s.error.code}>{s.error.message}</p> : null}
      <button data-testid="leave-button" onClick={() => void call.leave()}>Leave</button>
      {s.participants.map((p) => <Tile key={p.pid} person={p} />)}
    </div>
  );
}
async function start() {
  const link = parseRoomLink(new URL(location.href));
  const [microphone, camera] = await Promise.all([devices.openMicrophone(), devices.openCamera()]);
  const call = new Call({ link, name: link.name ?? 'Guest', microphone, camera });
  (window as unknown as { call: Call }).call = call;
  render(<App call={call} />, document.getElementById('app')!);
  await call.join();
}
void start();
