import { useEffect, useState } from "react";

/** A ready-made token of the embedded default, as /playground/roles.json lists them. */
interface Grant {
  role: string;
  label: string;
  token: string;
  communities: string[] | null;
}

const storageKey = "linhui:role";
const firstChoice = "DISTRICT_VIEWER";

/** Empty wherever the server hands out no tokens, which is everywhere but in the embedded default. */
async function loadGrants(): Promise<Grant[]> {
  const response = await fetch("/playground/roles.json");
  return response.ok ? response.json() : [];
}

/**
 * Chooses whom the playground speaks as. Remembers the role, never the token: the embedded default
 * makes new keys when its state directory is removed.
 */
export function RoleSwitch({ onToken }: { onToken: (token: string) => void }) {
  const [grants, setGrants] = useState<Grant[]>([]);
  const [role, setRole] = useState(() => localStorage.getItem(storageKey) ?? firstChoice);

  useEffect(() => {
    loadGrants().then(setGrants, () => setGrants([]));
  }, []);

  const chosen = grants.find((grant) => grant.role === role) ?? grants[0];
  useEffect(() => onToken(chosen?.token ?? ""), [chosen, onToken]);
  if (!chosen) return null;

  const choose = (next: string) => {
    localStorage.setItem(storageKey, next);
    setRole(next);
  };
  return (
    <div className="role">
      <label htmlFor="role">角色 Role</label>
      <select id="role" value={chosen.role} onChange={(event) => choose(event.target.value)}>
        {grants.map((grant) => (
          <option key={grant.role} value={grant.role}>
            {grant.label}
          </option>
        ))}
      </select>
      {chosen.communities && chosen.communities.length > 0 && (
        <span className="scope" title={chosen.communities.join(", ")}>
          {chosen.communities.length > 2
            ? `${chosen.communities.length} 个社区 communities`
            : chosen.communities.join(" · ")}
        </span>
      )}
    </div>
  );
}
