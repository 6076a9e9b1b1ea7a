/** The dock: one toolbar, arrow keys move inside it, Tab leaves it. */
import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { useDevices } from '../dialogs/devices';
import type { CallModel } from '../model/call';
import { cameraWords, type ControlWords, microphoneWords, screenWords } from '../text/words';
import { Icon } from '../ui/icon';
import type { IconName } from '../ui/icons';
import { useLevel } from '../ui/level';
import { Menu, MenuItem } from '../ui/menu';

export type DialogName = 'server' | 'statistics' | 'shortcuts' | 'devices';

interface DockProps {
  readonly model: CallModel;
  readonly moreOpen: boolean;
  readonly onMore: (open: boolean) => void;
  readonly onDialog: (name: DialogName) => void;
  readonly onLeave: () => void;
}

export function Dock({ model, moreOpen, onMore, onDialog, onLeave }: DockProps) {
  const ref = useRef<HTMLDivElement>(null);
  const [menu, setMenu] = useState<'microphone' | 'camera' | null>(null);
  const { microphone, camera, screen, participants } = model.snapshot.value;
  const canShare = typeof navigator.mediaDevices?.getDisplayMedia === 'function';
  const people = model.peopleOpen.value;
  return (
    <div class="dockrow">
      <div class="dock" role="toolbar" aria-label="Call controls" ref={ref} onKeyDown={(event) => rove(event, ref.current)}>
        <div class="pair">
          <Control words={microphoneWords(microphone, model.held.value)} hint="M" testid="mic-button" first onClick={() => model.toggleMicrophone()}>
            {microphone.active && !microphone.muted ? <Level model={model} /> : null}
          </Control>
          <Chevron label="Choose microphone and speaker" open={menu === 'microphone'} onOpen={() => setMenu(menu === 'microphone' ? null : 'microphone')}>
            <SoundMenu model={model} onClose={() => setMenu(null)} />
          </Chevron>
        </div>
        <div class="pair">
          <Control words={cameraWords(camera)} hint="C" testid="camera-button" onClick={() => model.toggleCamera()} />
          <Chevron label="Choose camera" open={menu === 'camera'} onOpen={() => setMenu(menu === 'camera' ? null : 'camera')}>
            <CameraMenu model={model} onClose={() => setMenu(null)} />
          </Chevron>
        </div>
        <div class="vr deskonly" />
        {canShare ? <Control words={screenWords(screen)} hint="S" testid="screen-button" cls={screen.active ? 'deskonly act' : 'deskonly'} onClick={() => model.toggleScreen()} /> : null}
        <div class="vr deskonly" />
        <Plain caption="People" label={`People, ${participants.length} in the call (P)`} icon="people" expanded={people} onClick={() => (model.peopleOpen.value = !people)} />
        <div class="anchor">
          <Plain caption="More" label="More (.)" icon="more" expanded={moreOpen} popup onClick={() => onMore(!moreOpen)} />
          {moreOpen ? <MoreMenu model={model} canShare={canShare} onClose={() => onMore(false)} onDialog={onDialog} /> : null}
        </div>
        <button type="button" class="ctl leave" data-testid="leave-button" aria-label="Leave the call" title="Leave the call (Shift+L)" tabIndex={-1} onClick={onLeave}>
          <Icon name="leave" />
          <span>Leave</span>
        </button>
      </div>
    </div>
  );
}

interface ControlProps {
  readonly words: ControlWords;
  readonly hint: string;
  readonly testid: string;
  readonly first?: boolean;
  readonly cls?: string;
  readonly onClick: () => void;
  readonly children?: ComponentChildren;
}

function Control({ words, hint, testid, first = false, cls = '', onClick, children }: ControlProps) {
  return (
    <button
      type="button"
      class={`ctl${words.off ? ' off' : ''} ${cls}`}
      data-testid={testid}
      aria-label={words.label}
      title={`${words.label} (${hint})`}
      aria-pressed={words.pressed}
      aria-disabled={words.waiting}
      tabIndex={first ? 0 : -1}
      onClick={() => words.waiting || onClick()}
    >
      <Icon name={words.icon} />
      <span>{words.caption}</span>
      {children}
    </button>
  );
}

interface PlainProps {
  readonly caption: string;
  readonly label: string;
  readonly icon: IconName;
  readonly expanded: boolean;
  readonly popup?: boolean;
  readonly onClick: () => void;
}

function Plain({ caption, label, icon, expanded, popup = false, onClick }: PlainProps) {
  return (
    <button type="button" class={`ctl${expanded ? ' act' : ''}`} aria-label={label} title={label} aria-expanded={expanded} aria-haspopup={popup ? 'menu' : undefined} tabIndex={-1} onClick={onClick}>
      <Icon name={icon} />
      <span>{caption}</span>
    </button>
  );
}

function Chevron({ label, open, onOpen, children }: { label: string; open: boolean; onOpen: () => void; children: ComponentChildren }) {
  return (
    <div class="anchor deskonly">
      <button type="button" class="more" aria-label={label} title={label} aria-haspopup="menu" aria-expanded={open} tabIndex={-1} onClick={onOpen}>
        <Icon name="chev" />
      </button>
      {open ? children : null}
    </div>
  );
}

const DOTS = 3;

function Level({ model }: { model: CallModel }) {
  const on = Math.ceil((useLevel(() => model.call.microphoneLevel()) / 100) * DOTS);
  return <span class="lv" aria-hidden="true">{Array.from({ length: DOTS }, (_, i) => <i key={i} class={i < on ? 'on' : ''} />)}</span>;
}

function SoundMenu({ model, onClose }: { model: CallModel; onClose: () => void }) {
  const devices = useDevices(model);
  const pick = (act: (id: string) => void) => (id: string) => {
    act(id);
    onClose();
  };
  return (
    <Menu label="Microphone and speaker" onClose={onClose}>
      <Group title="Microphone" devices={devices.filter((d) => d.kind === 'audioinput')} chosen={model.snapshot.value.microphone.deviceId} onPick={pick((id) => model.chooseMicrophone(id))} />
      <Group title="Speaker" devices={devices.filter((d) => d.kind === 'audiooutput')} chosen={model.parts.prefs.tab().speakerId} onPick={pick((id) => model.chooseSpeaker(id))} />
    </Menu>
  );
}

function CameraMenu({ model, onClose }: { model: CallModel; onClose: () => void }) {
  const devices = useDevices(model);
  return (
    <Menu label="Camera" onClose={onClose}>
      <Group
        title="Camera"
        devices={devices.filter((d) => d.kind === 'videoinput')}
        chosen={model.snapshot.value.camera.deviceId}
        onPick={(id) => {
          model.chooseCamera(id);
          onClose();
        }}
      />
    </Menu>
  );
}

function Group({ title, devices, chosen, onPick }: { title: string; devices: readonly { deviceId: string; label: string }[]; chosen: string | null; onPick: (id: string) => void }) {
  if (devices.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      {devices.map((device, i) => <MenuItem key={device.deviceId} text={device.label || `${title} ${i + 1}`} checked={device.deviceId === chosen} onClick={() => onPick(device.deviceId)} />)}
    </>
  );
}

function MoreMenu({ model, canShare, onClose, onDialog }: { model: CallModel; canShare: boolean; onClose: () => void; onDialog: (name: DialogName) => void }) {
  const act = (run: () => void) => () => {
    onClose();
    run();
  };
  const light = model.parts.prefs.theme.value === 'light';
  const hidden = model.selfHidden.value;
  return (
    <Menu label="More" right onClose={onClose}>
      <MenuItem text="Devices" onClick={act(() => onDialog('devices'))} />
      {canShare ? <MenuItem text={screenWords(model.snapshot.value.screen).label} onClick={act(() => model.toggleScreen())} /> : null}
      <MenuItem text={model.effectiveMode.value === 'grid' ? 'Speaker view' : 'Grid view'} onClick={act(() => model.toggleView())} />
      <MenuItem text={hidden ? 'Show my tile' : 'Hide my tile'} onClick={act(() => (model.selfHidden.value = !hidden))} />
      <MenuItem text="Statistics" onClick={act(() => onDialog('statistics'))} />
      <MenuItem text={light ? 'Dark theme' : 'Light theme'} onClick={act(() => model.parts.prefs.setTheme(light ? 'dark' : 'light'))} />
      <MenuItem text="What the server can see" onClick={act(() => onDialog('server'))} />
      <MenuItem text="Shortcuts" onClick={act(() => onDialog('shortcuts'))} />
    </Menu>
  );
}

/** Arrow keys move between controls; only one of them is a stop of Tab. */
function rove(event: KeyboardEvent, dock: HTMLElement | null): void {
  if (dock === null || (event.target as HTMLElement).closest('.menu') !== null) return;
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const all = Array.from(dock.querySelectorAll<HTMLElement>('.ctl, .pair .more')).filter((one) => one.offsetParent !== null);
  const at = all.indexOf(document.activeElement as HTMLElement);
  if (step === undefined || at < 0) return;
  const next = all[(at + step + all.length) % all.length];
  for (const one of all) one.tabIndex = one === next ? 0 : -1;
  next?.focus();
  event.preventDefault();
}
