import { ICONS, type IconName, type Shape } from './icons';

interface IconProps {
  readonly name: IconName;
  /** 24 px by default, `s` 20, `xs` 16. */
  readonly size?: '' | 's' | 'xs';
  readonly tone?: string;
}

/** A drawing beside words or inside a labelled control: never alone, so hidden from screen readers. */
export function Icon({ name, size = '', tone = '' }: IconProps) {
  return (
    <svg class={`i ${size} ${tone} i-${name}`} viewBox={name === 'mark' ? '0 0 32 32' : '0 0 24 24'} aria-hidden="true" focusable="false">
      {ICONS[name].map((shape, index) => draw(shape, index))}
    </svg>
  );
}

function draw(shape: Shape, key: number) {
  const cls = shape.tone ?? '';
  if ('d' in shape) return <path key={key} class={cls} d={shape.d} />;
  if ('r' in shape) return <circle key={key} class={cls} cx={shape.cx} cy={shape.cy} r={shape.r} />;
  return <rect key={key} class={cls} x={shape.x} y={shape.y} width={shape.w} height={shape.h} rx={shape.rx} />;
}
