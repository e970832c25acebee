/** A gate that stands half open in the water; as in mark.svg. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <path class="posts" d="M7 4v24M25 4v24M7 9h18" />
      <path class="gate" d="M11 9h10v7H11z" />
      <path
        class="water"
        d="M3 21c3-2.4 5.5-2.4 8.5 0s5.5 2.4 8.5 0 5.5-2.4 9 0M3 26c3-2.4 5.5-2.4 8.5 0s5.5 2.4 8.5 0 5.5-2.4 9 0"
      />
    </svg>
  );
}
