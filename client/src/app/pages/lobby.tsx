/** The lobby: see and hear yourself, choose devices, say your name, come in. */
import { useEffect, useState } from 'preact/hooks';
import type { Engine } from '../engine';
import { useLevel } from '../ui/level';
import type { LobbyModel, OwnKind } from '../model/lobby';
import { groundOf, initials, roomTitle } from '../text/clean';
import { noticeWords } from '../text/notices';
import { cameraWords, microphoneWords } from '../text/words';
import { Button, Note } from '../ui/controls';
import { Icon } from '../ui/icon';
import type { IconName } from '../ui/icons';
import { Video } from '../ui/video';
import { Page } from './frame';

interface LobbyProps {
  readonly engine: Engine;
  readonly lobby: LobbyModel;
  readonly onJoin: () => void;
  readonly onHome: () => void;
}

export function LobbyPage({ engine, lobby, onJoin, onHome }: LobbyProps) {
  const trouble = lobby.trouble();
  const [nameMissing, setNameMissing] = useState(false);
  const join = (event: Event) => {
    event.preventDefault();
    if (lobby.name.value.trim() === '') return setNameMissing(true);
    if (!lobby.joining.value) onJoin();
  };
  return (
    <Page title={roomTitle(lobby.link.room)} cls="lobby" onHome={onHome}>
      <Preview lobby={lobby} />
      <form class="form" onSubmit={join}>
        <h1 tabIndex={-1}>{roomTitle(lobby.link.room)}</h1>
        <label class="field">
          <span>Your name</span>
          <div class="inp">
            <input
              data-testid="name-input"
              value={lobby.name.value}
              autocomplete="name"
              maxLength={64}
              dir="auto"
              aria-invalid={nameMissing}
              onInput={(event) => {
                setNameMissing(false);
                lobby.rename(event.currentTarget.value);
              }}
            />
          </div>
          {nameMissing ? <span class="field-error" role="alert">Write your name first. Only people in the call will see it.</span> : null}
        </label>
        <div class="devs">
          <Chooser lobby={lobby} kind="microphone" />
          <Chooser lobby={lobby} kind="camera" />
          <SpeakerChooser lobby={lobby} />
        </div>
        {trouble === null ? null : <MediaTrouble lobby={lobby} code={trouble.code} device={trouble.device} />}
        <button type="submit" class="btn p w" data-testid="join-button" aria-disabled={lobby.joining.value}>
          {lobby.joining.value ? 'Joining' : 'Join the call'}
        </button>
        <CopyLink engine={engine} lobby={lobby} />
        <Note icon="shield-check">Sealed end to end. The server does not learn your name.</Note>
      </form>
    </Page>
  );
}

function Preview({ lobby }: { lobby: LobbyModel }) {
  const stream = lobby.preview.value;
  const name = lobby.name.value;
  return (
    <div class="preview">
      {stream === null ? (
        <div class="none"><div class={`mono h${groundOf(name)}`}>{name.trim() === '' ? <Icon name="cam-off" /> : initials(name)}</div></div>
      ) : (
        <Video stream={stream} mirrored />
      )}
      <div class="bar">
        <Round lobby={lobby} kind="microphone" testid="mic-button" />
        <Round lobby={lobby} kind="camera" testid="camera-button" />
      </div>
    </div>
  );
}

function Round({ lobby, kind, testid }: { lobby: LobbyModel; kind: OwnKind; testid: string }) {
  const words = kind === 'camera' ? cameraWords(lobby.asDevice(kind)) : microphoneWords(lobby.asDevice(kind));
  return (
    <button type="button" class="round" data-testid={testid} aria-pressed={words.pressed} aria-label={words.label} title={words.label} aria-disabled={words.waiting} onClick={() => lobby.toggle(kind)}>
      <Icon name={words.icon} />
    </button>
  );
}

function Chooser({ lobby, kind }: { lobby: LobbyModel; kind: OwnKind }) {
  const wanted = kind === 'camera' ? 'videoinput' : 'audioinput';
  const choices = lobby.devices.value.filter((device) => device.kind === wanted);
  const noun = kind === 'camera' ? 'Camera' : 'Microphone';
  const icon: IconName = kind === 'camera' ? 'cam' : 'mic';
  return (
    <label class="inp">
      <Icon name={icon} size="s" />
      <select aria-label={noun} value={lobby.chosenId(kind)} onChange={(event) => lobby.choose(kind, event.currentTarget.value)}>
        {choices.length === 0 ? <option value="">No {noun.toLowerCase()} yet</option> : null}
        {choices.map((device, i) => <option key={device.deviceId} value={device.deviceId}>{device.label || `${noun} ${i + 1}`}</option>)}
      </select>
      {kind === 'microphone' ? <Meter lobby={lobby} /> : null}
      <Icon name="down" size="s" />
    </label>
  );
}

function SpeakerChooser({ lobby }: { lobby: LobbyModel }) {
  const choices = lobby.devices.value.filter((device) => device.kind === 'audiooutput');
  if (choices.length === 0) return null; // this browser leaves the choice to the system
  return (
    <label class="inp">
      <Icon name="speaker" size="s" />
      <select aria-label="Speaker" value={lobby.speakerId.value || (choices[0]?.deviceId ?? '')} onChange={(event) => lobby.chooseSpeaker(event.currentTarget.value)}>
        {choices.map((device, i) => <option key={device.deviceId} value={device.deviceId}>{device.label || `Speaker ${i + 1}`}</option>)}
      </select>
      <Icon name="down" size="s" />
    </label>
  );
}

const STEPS = 12;

function Meter({ lobby }: { lobby: LobbyModel }) {
  const level = Math.round((useLevel(() => lobby.level()) / 100) * STEPS);
  return (
    <span class="meter" role="meter" aria-label="Microphone level" aria-valuemin={0} aria-valuemax={STEPS} aria-valuenow={level}>
      {Array.from({ length: STEPS }, (_, i) => <i key={i} class={i < level ? 'on' : ''} />)}
    </span>
  );
}

function MediaTrouble({ lobby, code, device }: { lobby: LobbyModel; code: Parameters<typeof noticeWords>[0]; device: NonNullable<Parameters<typeof noticeWords>[1]> }) {
  const words = noticeWords(code, device);
  return (
    <div class="note c" role="alert" data-testid="error" data-code={code}>
      <Icon name={words.icon} size="s" />
      <div>
        <b>{words.heading}</b>
        <p>{words.text}</p>
        <div class="acts2">
          {words.buttons.map((button) => (
            <Button key={button.act} text={button.text} onClick={() => (button.act === 'without' ? lobby.without() : void lobby.start())} />
          ))}
        </div>
      </div>
    </div>
  );
}

function CopyLink({ engine, lobby }: { engine: Engine; lobby: LobbyModel }) {
  const [copied, setCopied] = useState(false);
  const { room, secret, invite } = lobby.link;
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => setCopied(false), 3000);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = () => {
    const link = engine.formatRoomLink(location.origin, room, secret, invite);
    void navigator.clipboard.writeText(link).then(() => setCopied(true));
  };
  return <Button text={copied ? 'The link is copied' : 'Copy the link'} icon={copied ? 'check' : 'copy'} tone="ghost" wide onClick={copy} />;
}
