// Every sentence of the page, in both languages side by side; and numbers, sizes and times as each language writes them.
// Identifiers, commands and what was captured are never translated.

/// Sentences that are kept with exchanges, in English and in French: the same as in capture/sentences.rs, which a test holds.
/// `{}` stands for what they are about.
const SENTENCES = [
  ["the client left before the answer was complete", "le client est parti avant la fin de la réponse"],
  ["the answer broke off", "la réponse s'est interrompue"],
  ["refused", "refusé"],
  ["the program ended before the answer did", "le programme s'est terminé avant la réponse"],
  ["the stream ended without its last event", "le flux s'est terminé sans son dernier événement"],
  ["{} refuses connections", "{} refuse les connexions"],
  ["{} does not answer", "{} ne répond pas"],
  ["{} cannot be reached", "{} est injoignable"],
  ["cannot connect to {}: {}", "impossible de se connecter à {} : {}"],
  ["{} accepts connections and drops them", "{} accepte les connexions et les coupe"],
  ["{} accepts connections and says nothing", "{} accepte les connexions et se tait"],
  ["{} is not Ollama: {}", "{} n'est pas Ollama : {}"],
  ["{} leads back to this forwarder", "{} ramène à ce relais"],
  ["still looking for Ollama on Windows", "Ollama est encore cherché sous Windows"],
  ["the network no longer leads to {}", "le réseau ne mène plus à {}"],
  ["no network leads to Windows: there is no usable route or address", "aucun réseau ne mène à Windows : ni route ni adresse utilisable"],
  ["{} connections are open, which is the limit", "{} connexions sont ouvertes, c'est la limite"],
  ["localhost reaches Windows by itself now", "localhost mène désormais de lui-même à Windows"],
  ["cannot resolve {}: {}", "impossible de résoudre {} : {}"],
  ["{} is this forwarder itself", "{} est ce relais lui-même"],
  ["the connection to {} broke: {}", "la connexion à {} s'est rompue : {}"],
  ["{} broke off before it answered: {}", "{} a rompu avant de répondre : {}"],
  ["{} reset the connection", "{} a coupé la connexion"],
  ["/api/version was answered with status {}", "/api/version a répondu par le statut {}"],
  ["cannot write to {}: {}", "impossible d'écrire dans {} : {}"],
  ["the disk has {} MiB left; capture goes on at {} MiB", "il reste {} Mio sur le disque ; la capture reprendra à {} Mio"],
  ["{} is written by process {}", "{} est tenu par le processus {}"],
  ["another process writes in this directory", "un autre processus écrit dans ce répertoire"],
  ["there is no exchange {}", "il n'y a pas d'échange {}"],
  ["the writer has ended", "l'écriture est terminée"],
  ["cannot create {}: {}", "impossible de créer {} : {}"],
  ["cannot lock {}: {}", "impossible de verrouiller {} : {}"],
  ["cannot look at {}: {}", "impossible de consulter {} : {}"],
  ["cannot protect {}: {}", "impossible de protéger {} : {}"],
  ["cannot read {}: {}", "impossible de lire {} : {}"],
  ["cannot remove {}: {}", "impossible de supprimer {} : {}"],
  ["cannot rewrite {}: {}", "impossible de réécrire {} : {}"],
  ["cannot tidy {}: {}", "impossible de ranger {} : {}"],
  ["cannot write {}: {}", "impossible d'écrire {} : {}"],
  ["goes on with the same request, whose client left during the load", "reprend la même requête, dont le client était parti pendant le chargement"],
  ["the connection had been closed while it idled", "la connexion inactive avait été fermée"],
  ["asked for {}, which only OpenAI has: its parent's model instead", "demandait {}, que seul OpenAI possède : le modèle de son parent à la place"],
  ["`{}` has no equivalent, left out", "« {} » n'a pas d'équivalent, omis"],
  ["not of the expected form, left out", "pas de la forme attendue, omis"],
  ["unknown role `{}`, told as the user's", "rôle « {} » inconnu, transmis comme celui de l'utilisateur"],
  ["thoughts that nothing followed, left out", "des réflexions que rien ne suivait, omises"],
  ["a summary sealed by another server, left out", "un résumé scellé par un autre serveur, omis"],
  ["only a user's message can hold an image, left out", "seul un message d'utilisateur peut porter une image, omise"],
  ["the model cannot see images, left out", "le modèle ne voit pas les images, omise"],
  ["an image that is not in the request, left out", "une image absente de la requête, omise"],
  ["no readable image, left out", "pas d'image lisible, omise"],
  ["a file that is not text, or not in the request, left out", "un fichier qui n'est pas du texte, ou absent de la requête, omis"],
  ["the model cannot think, left out", "le modèle ne réfléchit pas, omis"],
  ["the model always thinks, asked to think little", "le modèle réfléchit toujours, invité à réfléchir peu"],
  ["asked for in words, as its grammar would forbid tool calls", "demandé en toutes lettres, car sa grammaire interdirait les appels d'outils"],
  ["text.format was asked for in words: its grammar would forbid tool calls", "text.format a été demandé en toutes lettres : sa grammaire interdirait les appels d'outils"],
  ["names what the model is not offered, left out", "nomme ce qui n'est pas proposé au modèle, omis"],
  ["tools of type `{}` have no equivalent, not offered", "les outils de type « {} » n'ont pas d'équivalent, non proposés"],
  ["has no name, not offered", "n'a pas de nom, non proposé"],
  ["declared before, the first one counts", "déjà déclaré, le premier compte"],
  ["offered as `{}`", "proposé sous le nom « {} »"],
  ["has no schema, offered without parameters", "n'a pas de schéma, proposé sans paramètres"],
  ["its schema is not that of an object, offered without parameters", "son schéma n'est pas celui d'un objet, proposé sans paramètres"],
  ["the branches of its schema were merged", "les branches de son schéma ont été réunies"],
  ["a $ref of its schema cannot be resolved", "un $ref de son schéma ne mène nulle part"],
  ["optional parameters not mentioned: {}", "paramètres facultatifs passés sous silence : {}"],
  ["repaired {} ({})", "{} réparé ({})"],
  ["recovered {} printed as text ({})", "{} retrouvés, écrits comme du texte ({})"],
  ["recovered a call from the upstream's error", "un appel retrouvé dans l'erreur de la cible"],
  ["{} was printed, too", "{} était aussi écrit en texte"],
  ["left as text (quoted)", "laissé en texte (cité)"],
  ["left as text (text after it)", "laissé en texte (du texte le suit)"],
  ["left as text (unfinished)", "laissé en texte (inachevé)"],
  ["left as text (unreadable)", "laissé en texte (illisible)"],
  ["left as text (unknown name)", "laissé en texte (nom inconnu)"],
  ["left as text (missing argument)", "laissé en texte (argument manquant)"],
  ["left as text (partly shown)", "laissé en texte (déjà montré en partie)"],
  ["passed on {} though there is no tool named `{}`", "{} transmis bien qu'aucun outil ne s'appelle « {} »"],
  ["passed on {} though the arguments are not valid JSON; write them as one JSON object", "{} transmis bien que ses arguments ne soient pas du JSON valide"],
  ["passed on {} though the arguments must be one JSON object", "{} transmis bien que ses arguments ne soient pas un objet JSON"],
  ["passed on {} though the required argument `{}` is missing", "{} transmis bien que l'argument obligatoire « {} » manque"],
  ["passed on {} though there is no patch; it must start with `*** Begin Patch` and end with `*** End Patch`", "{} transmis bien qu'il ne contienne pas de patch"],
];

/// English, then French. `one|many` goes by `{n}`. French has plain spaces here: `say` sets them as its typography wants.
const WORDS = {
  // The frame
  app_title: ['ollama-forward inspector', 'inspecteur ollama-forward'],
  skip: ['Skip to the exchange', 'Aller à l’échange'],
  exchanges: ['Exchanges', 'Échanges'],
  detail: ['Exchange', 'Échange'],
  capture_on: ['Capture on', 'Capture active'],
  capture_off: ['Capture off', 'Capture inactive'],
  capture_reading: ['Read only', 'Lecture seule'],
  capture_start: ['Start capture', 'Activer la capture'],
  capture_stop: ['Stop capture', 'Arrêter la capture'],
  live: ['Live', 'En direct'],
  paused: ['Paused', 'En pause'],
  pause: ['Pause', 'Pause'],
  resume: ['Resume', 'Reprendre'],
  resume_n: ['Resume ({n} new)', 'Reprendre ({n} nouveau)|Reprendre ({n} nouveaux)'],
  offline: ['No connection to ollama-forward: trying again', 'Pas de connexion à ollama-forward : nouvel essai'],
  missed: ['{n} not captured|{n} not captured', '{n} non capturé|{n} non capturés'],
  missed_hint: ['Too much came at once: traffic was not held up, but some of it was not kept.', 'Trop de données à la fois : le trafic n’a pas été ralenti, mais une partie n’a pas été conservée.'],
  disk: ['{used} of {limit}', '{used} sur {limit}'],
  disk_hint: ['Disk use. Older sessions go first, and after {n} day.|Disk use. Older sessions go first, and after {n} days.', 'Espace disque. Les sessions les plus anciennes partent d’abord, et au bout de {n} jour.|Espace disque. Les sessions les plus anciennes partent d’abord, et au bout de {n} jours.'],
  trouble: ['Nothing is kept at the moment: {why}', 'Rien n’est conservé en ce moment : {why}'],
  kept_in: ['Kept in {dir}', 'Conservé dans {dir}'],
  export: ['Export', 'Exporter'],
  settings: ['Settings', 'Réglages'],
  help: ['Help', 'Aide'],
  back: ['Back to the list', 'Retour à la liste'],
  wide: ['Hide the list', 'Masquer la liste'],
  narrow: ['Show the list', 'Afficher la liste'],
  exported: ['Exported: this file shows what was captured, and needs no server.', 'Export : ce fichier montre ce qui a été capturé, sans serveur.'],
  close: ['Close', 'Fermer'],
  cancel: ['Cancel', 'Annuler'],
  copy: ['Copy', 'Copier'],
  copied: ['Copied', 'Copié'],
  copy_failed: ['The browser does not allow copying', 'Le navigateur ne permet pas de copier'],
  show_all: ['Show all ({size})', 'Tout afficher ({size})'],
  show_more: ['Show more ({size} left)', 'Afficher la suite (reste {size})'],
  show_less: ['Show less', 'Réduire'],
  loading: ['Loading…', 'Chargement…'],
  error_loading: ['This could not be loaded: {why}', 'Chargement impossible : {why}'],
  not_found: ['There is no such exchange. It may have been deleted.', 'Cet échange n’existe pas. Il a peut-être été supprimé.'],
  nothing_selected: ['Choose an exchange on the left, or press j.', 'Choisissez un échange à gauche, ou appuyez sur j.'],
  signed_out: ['The page’s link has expired. Open it anew with:', 'Le lien de cette page a expiré. Rouvrez-la avec :'],

  // Empty
  empty_title: ['Nothing captured yet', 'Aucune capture pour l’instant'],
  empty_off: ['Capture is off. Turn it on here, or type:', 'La capture est inactive. Activez-la ici, ou tapez :'],
  empty_on: ['Capture is on: the next request shows up here at once. For example:', 'La capture est active : la prochaine requête apparaîtra ici aussitôt. Par exemple :'],
  empty_listen: ['Requests to {listen} are captured.', 'Les requêtes vers {listen} sont capturées.'],
  empty_start: ['To forward, translate and capture in one go:', 'Pour relayer, traduire et capturer en une commande :'],
  empty_codex: ['Then use Codex as always:', 'Puis utilisez Codex comme d’habitude :'],
  empty_filter: ['Nothing matches this filter.', 'Rien ne correspond à ce filtre.'],
  clear_filter: ['Clear the filter', 'Effacer le filtre'],
  privacy: ['What is captured stays on this machine. Keys and tokens are taken out before anything is written.', 'Ce qui est capturé reste sur cette machine. Clés et jetons d’accès sont retirés avant toute écriture.'],

  // Filter
  filter: ['Filter', 'Filtre'],
  filter_hint: ['Words, or model: tool: status: session: is:error…', 'Mots, ou model: tool: status: session: is:error…'],
  filter_help: ['Filters', 'Filtres'],
  n_found: ['{n} match|{n} matches', '{n} résultat|{n} résultats'],
  n_of: ['{n} of {all}', '{n} sur {all}'],
  quick_error: ['Errors', 'Erreurs'],
  quick_slow: ['Slow', 'Lents'],
  quick_cut: ['Cut', 'Tronqués'],
  quick_marked: ['Marked', 'Marqués'],
  group: ['By session', 'Par session'],
  follow: ['Follow', 'Suivre'],
  follow_hint: ['Opens each new call as it comes (f)', 'Ouvre chaque nouvel appel dès qu’il arrive (f)'],

  // The tree
  session: ['Session', 'Session'],
  turn_n: ['Turn {n}', 'Tour {n}'],
  agent: ['Agent', 'Agent'],
  compaction: ['Compaction', 'Compaction'],
  title: ['Title', 'Titre'],
  probes: ['{n} probe|{n} probes', '{n} sonde|{n} sondes'],
  probes_hint: ['Questions that only look around: version, models', 'Requêtes qui ne font que se renseigner : version, modèles'],
  n_tokens: ['{n} tokens', '{n} tokens'],
  n_calls: ['{n} call|{n} calls', '{n} appel|{n} appels'],
  n_exchanges: ['{n} exchange|{n} exchanges', '{n} échange|{n} échanges'],

  // States
  state_waiting: ['waiting', 'en attente'],
  state_loading: ['loading the model', 'chargement du modèle'],
  state_prefill: ['reading the prompt', 'lecture du prompt'],
  state_thinking: ['thinking', 'réflexion'],
  state_answering: ['answering', 'réponse'],
  state_tool: ['writing a tool call', 'appel d’outil'],
  state_done: ['done', 'terminé'],
  state_failed: ['failed', 'échec'],
  state_aborted: ['aborted by the client', 'interrompu par le client'],
  state_refused: ['refused', 'refusé'],
  state_lost: ['lost', 'perdu'],

  chip_aborted: ['aborted', 'interrompu'],
  chip_refused: ['refused', 'refusé'],
  chip_lost: ['lost', 'perdu'],

  // Badges
  stream: ['stream', 'flux'],
  batch: ['in one piece', 'd’un bloc'],
  translated: ['translated', 'traduit'],
  local: ['answered by the bridge', 'réponse du pont'],
  truncated: ['prompt cut', 'prompt coupé'],
  near: ['context nearly full', 'contexte presque plein'],
  retried: ['retried', 'réessayé'],
  resumed: ['continued', 'repris'],
  aborted: ['aborted', 'interrompu'],
  replay: ['replay', 'rejeu'],
  incomplete: ['incomplete', 'incomplet'],
  incomplete_hint: ['Something of it was not captured, as too much came at once.', 'Une partie n’a pas été capturée : trop de données à la fois.'],
  redacted: ['{n} secret taken out|{n} secrets taken out', '{n} secret retiré|{n} secrets retirés'],
  marked: ['marked', 'marqué'],
  status_none: ['no answer', 'sans réponse'],
  status_2: ['OK', 'OK'],
  status_3: ['redirect', 'redirection'],
  status_4: ['client error', 'erreur du client'],
  status_5: ['server error', 'erreur du serveur'],

  // Actions
  mark: ['Mark', 'Marquer'],
  unmark: ['Unmark', 'Ne plus marquer'],
  comment: ['Comment', 'Commentaire'],
  comment_hint: ['What you want to remember of this exchange', 'Ce que vous voulez retenir de cet échange'],
  save: ['Save', 'Enregistrer'],
  delete: ['Delete', 'Supprimer'],
  delete_ask: ['Delete this exchange from disk? This cannot be undone.', 'Supprimer cet échange du disque ? C’est définitif.'],
  delete_session: ['Delete session', 'Supprimer la session'],
  delete_session_ask: ['Delete this session with its {n} exchange from disk? This cannot be undone.|Delete this session with its {n} exchanges from disk? This cannot be undone.', 'Supprimer du disque cette session et son échange ? C’est définitif.|Supprimer du disque cette session et ses {n} échanges ? C’est définitif.'],
  deleted: ['Deleted', 'Supprimé'],
  saved: ['Saved', 'Enregistré'],
  failed_action: ['That did not work: {why}', 'Échec : {why}'],
  previous_call: ['Previous call of this thread', 'Appel précédent de ce fil'],
  next_call: ['Next call of this thread', 'Appel suivant de ce fil'],
  copy_curl: ['Copy as curl', 'Copier pour curl'],
  replay_do: ['Replay…', 'Rejouer…'],

  // Tabs
  tab_conversation: ['Conversation', 'Conversation'],
  tab_panes: ['Panes', 'Volets'],
  tab_timeline: ['Timeline', 'Chronologie'],
  tab_diff: ['Diff', 'Diff'],
  tab_raw: ['Raw', 'Brut'],
  tab_headers: ['Headers', 'En-têtes'],
  tab_tools: ['Tools', 'Outils'],

  // Banners
  cut_title: ['The prompt was cut', 'Le prompt a été coupé'],
  cut_estimate: ['About {estimated} tokens were sent, but the model read only {used}. Ollama has dropped the beginning without a word: the model no longer knows its instructions or the task.', 'Environ {estimated} tokens ont été envoyés, mais le modèle n’en a lu que {used}. Ollama a supprimé le début sans rien dire : le modèle ne connaît plus ni ses instructions ni la tâche.'],
  cut_fell: ['The request has grown, but fewer tokens were read ({used}) than before. Ollama has dropped the beginning without a word: the model no longer knows its instructions or the task.', 'La requête a grandi, mais moins de tokens ont été lus ({used}) qu’avant. Ollama a supprimé le début sans rien dire : le modèle ne connaît plus ni ses instructions ni la tâche.'],
  cut_full: ['The context is full to the last token ({used} of {window}). Ollama has dropped what did not fit without a word: the model no longer knows its instructions or the task.', 'Le contexte est plein au dernier token ({used} sur {window}). Ollama a supprimé sans rien dire ce qui ne tenait pas : le modèle ne connaît plus ni ses instructions ni la tâche.'],
  cut_fix: ['How to give it room:', 'Pour lui donner de la place :'],
  fix_windows: ['On Windows, set this, then restart Ollama:', 'Sous Windows, définissez ceci, puis relancez Ollama :'],
  fix_num_ctx: ['Or let ollama-forward ask for it with each request:', 'Ou laissez ollama-forward le demander à chaque requête :'],
  fix_doctor: ['See what is loaded, and what Codex believes:', 'Voir ce qui est chargé, et ce que Codex suppose :'],
  near_title: ['The context is nearly full', 'Le contexte est presque plein'],
  near_text: ['{used} of {window} tokens are used. What does not fit will be dropped without a word.', '{used} tokens sur {window} sont utilisés. Ce qui ne tient pas sera supprimé sans rien dire.'],
  error_title: ['No good answer', 'Pas de réponse correcte'],
  aborted_title: ['The client left before the answer ended', 'Le client est parti avant la fin de la réponse'],
  refused_title: ['This request was refused', 'Cette requête a été refusée'],
  lost_title: ['ollama-forward ended before this exchange did', 'ollama-forward s’est arrêté avant la fin de cet échange'],
  more_head: ['Figures', 'Chiffres'],
  explain: ['More on this error:', 'En savoir plus sur cette erreur :'],
  hint_try: ['What may help:', 'Ce qui peut aider :'],
  hint_cut: ['The prompt does not fit: enlarge the context', 'Le prompt ne tient pas : agrandissez le contexte'],
  hint_near: ['The context is nearly full: enlarge it', 'Le contexte est presque plein : agrandissez-le'],
  hint_believed: ['Codex believes in a larger window than is loaded: give it the true one', 'Codex suppose une fenêtre plus grande que celle chargée : donnez-lui la vraie'],
  hint_refused: ['Nothing listens there: start Ollama, or look with', 'Rien n’écoute à cette adresse : lancez Ollama, ou vérifiez avec'],
  hint_unreachable: ['There is no way to the upstream: look with', 'Aucun chemin vers le serveur : vérifiez avec'],
  hint_slow_load: ['Loading the model took long: keep it in memory', 'Le chargement du modèle a été long : gardez-le en mémoire'],
  hint_slow: ['The answer comes slowly: the model may not fit on the graphics card', 'La réponse est lente : le modèle ne tient peut-être pas sur la carte graphique'],
  hint_overflow: ['The request is larger than the context: enlarge it', 'La requête dépasse le contexte : agrandissez-le'],
  hint_no_tools: ['This model cannot call tools: choose another', 'Ce modèle ne sait pas appeler d’outils : choisissez-en un autre'],
  hint_queue: ['Ollama has too many requests waiting', 'Ollama a trop de requêtes en attente'],
  hint_no_model: ['This model is not installed', 'Ce modèle n’est pas installé'],
  hint_other: ['See also', 'Voir aussi'],

  // Gauge and grid
  context: ['Context', 'Contexte'],
  ctx_used: ['used', 'utilisés'],
  ctx_window: ['loaded window', 'fenêtre chargée'],
  ctx_maximum: ['model’s maximum', 'maximum du modèle'],
  ctx_believed: ['client believes', 'supposée par le client'],
  ctx_estimated: ['sent, about', 'envoyés, environ'],
  ctx_unknown: ['Nothing is known of the context of this call.', 'On ne sait rien du contexte de cet appel.'],
  level_fits: ['fits', 'tient'],
  level_near: ['nearly full', 'presque plein'],
  level_cut: ['cut', 'tronqué'],
  level_unknown: ['unknown', 'inconnu'],
  gauge_label: ['Context: {used} of {window} tokens, {level}', 'Contexte : {used} tokens sur {window}, {level}'],
  shares: ['Where the request’s tokens go (about)', 'Répartition des tokens de la requête (environ)'],
  share_instructions: ['instructions', 'instructions'],
  share_tools: ['tools', 'outils'],
  share_history: ['history', 'historique'],
  share_tool_output: ['tool output', 'sorties d’outils'],
  share_new: ['new', 'nouveau'],
  g_messages: ['Messages', 'Messages'],
  g_tools: ['Tools offered', 'Outils proposés'],
  g_system: ['System, characters', 'Système, caractères'],
  g_latency: ['Duration', 'Durée'],
  g_ttft: ['First token', 'Premier token'],
  g_first_text: ['First text', 'Premier texte'],
  g_prompt_rate: ['Prompt', 'Lecture'],
  g_decode_rate: ['Answer', 'Écriture'],
  g_rate: ['{n} tok/s', '{n} tokens/s'],
  g_tokens: ['Tokens in → out', 'Tokens lus → écrits'],
  g_cached: ['of these cached', 'dont en cache'],
  g_reasoning: ['of these reasoning', 'dont réflexion'],
  g_load: ['Model load', 'Chargement du modèle'],
  g_share: ['Context used', 'Contexte utilisé'],
  g_size: ['Sent, received', 'Envoyé, reçu'],
  g_client: ['Client', 'Client'],
  g_begun: ['Began', 'Début'],
  g_exact: ['By the upstream’s own clock', 'Selon l’horloge du serveur'],
  g_about: ['≈: measured here, not by the upstream', '≈ : mesuré ici, pas par le serveur'],

  // Conversation
  show_system: ['Show system', 'Afficher le système'],
  earlier: ['{n} earlier item|{n} earlier items', '{n} élément précédent|{n} éléments précédents'],
  earlier_show: ['Show', 'Afficher'],
  earlier_hide: ['Hide earlier items', 'Masquer les éléments précédents'],
  system_hidden: ['{n} system text hidden|{n} system texts hidden', '{n} texte système masqué|{n} textes système masqués'],
  sent: ['What the client sent', 'Ce que le client a envoyé'],
  answer: ['The answer', 'La réponse'],
  answer_none: ['No answer yet.', 'Pas encore de réponse.'],
  answer_never: ['There was no answer.', 'Il n’y a pas eu de réponse.'],
  answer_raw: ['This answer is no conversation. See Raw.', 'Cette réponse n’est pas une conversation. Voir Brut.'],
  no_conversation: ['This request holds no conversation. See Raw.', 'Cette requête ne contient pas de conversation. Voir Brut.'],
  model_said: ['What the model itself said', 'Ce que le modèle lui-même a dit'],
  role_user: ['user', 'utilisateur'],
  role_assistant: ['assistant', 'assistant'],
  role_system: ['system', 'système'],
  role_developer: ['developer', 'développeur'],
  role_tool: ['tool', 'outil'],
  kind_reasoning: ['reasoning', 'réflexion'],
  kind_call: ['tool call', 'appel d’outil'],
  kind_output: ['tool output', 'sortie d’outil'],
  kind_compaction: ['compaction', 'compaction'],
  kind_refusal: ['refusal', 'refus'],
  kind_other: ['other', 'autre'],
  new_item: ['new', 'nouveau'],
  workdir: ['in {dir}', 'dans {dir}'],
  timeout: ['at most {time}', 'au plus {time}'],
  output: ['Output', 'Sortie'],
  output_missing: ['Its output has not been sent (yet).', 'Sa sortie n’a pas (encore) été envoyée.'],
  output_after: ['Its output came back {time} later, in the next call', 'Sa sortie est revenue {time} plus tard, dans l’appel suivant'],
  orphan: ['Output of a call that is not here', 'Sortie d’un appel absent d’ici'],
  step_completed: ['done', 'fait'],
  step_in_progress: ['in progress', 'en cours'],
  step_pending: ['to do', 'à faire'],
  image: ['Image, {size}', 'Image, {size}'],
  image_elsewhere: ['Image elsewhere; the page asks nobody for it:', 'Image externe ; la page ne demande rien à personne :'],
  preview_user: ['Last user message', 'Dernier message de l’utilisateur'],
  preview_reasoning: ['Reasoning', 'Réflexion'],
  preview_answer: ['Answer', 'Réponse'],
  beside: ['Beside the original', 'À côté de l’original'],
  original: ['Original', 'Original'],
  this_one: ['Replay', 'Rejeu'],
  open_original: ['Open the original', 'Ouvrir l’original'],
  parameters: ['Parameters', 'Paramètres'],

  // Panes
  client_request: ['Client request', 'Requête du client'],
  upstream_request: ['Upstream request', 'Requête au serveur'],
  upstream_response: ['Upstream answer', 'Réponse du serveur'],
  client_response: ['Answer to the client', 'Réponse au client'],
  attempt: ['attempt {n}', 'essai {n}'],
  as_conversation: ['Conversation', 'Conversation'],
  as_tree: ['Tree', 'Arbre'],
  as_raw: ['Raw', 'Brut'],
  as_what: ['Show as', 'Afficher en'],
  empty_body: ['No body.', 'Corps vide.'],
  no_bytes: ['Nothing yet.', 'Encore rien.'],
  binary_body: ['These bytes are no text.', 'Ces octets ne sont pas du texte.'],
  cut_body: ['{kept} of {size} were kept', '{kept} conservés sur {size}'],
  read_big: ['Read {size} as JSON', 'Lire {size} de JSON'],
  no_json: ['This is no JSON: {why}', 'Ce n’est pas du JSON : {why}'],
  notes: ['Translation notes', 'Notes de traduction'],
  notes_none: ['Nothing was lost or changed in translation.', 'Rien n’a été perdu ni changé à la traduction.'],
  note_dropped: ['left out', 'omis'],
  note_renamed: ['renamed', 'renommé'],
  note_told_only: ['asked for in words', 'demandé en mots'],
  note_repaired: ['mended', 'réparé'],
  note_recovered: ['recovered', 'récupéré'],
  note_model: ['model replaced', 'modèle remplacé'],
  note_other: ['other', 'autre'],
  moments: ['What else happened', 'Ce qui s’est passé d’autre'],
  m_connected: ['connected to {to}', 'connecté à {to}'],
  m_connected_idle: ['connection to {to} used again', 'connexion à {to} réutilisée'],
  m_loading: ['the model is being loaded', 'le modèle est en cours de chargement'],
  m_heartbeat: ['sign of life to the client', 'signe de vie au client'],
  m_again: ['asked again: {why}', 'nouvelle demande : {why}'],
  m_resumed: ['continued: {why}', 'repris : {why}'],
  m_note: ['{text}', '{text}'],
  m_model: ['model {name}: window {window}, maximum {maximum}', 'modèle {name} : fenêtre {window}, maximum {maximum}'],
  m_finished: ['ended: {result}', 'fini : {result}'],
  m_fault: ['{text}', '{text}'],

  // Tree
  expand_all: ['Expand all', 'Tout développer'],
  collapse_all: ['Collapse all', 'Tout réduire'],
  find_in_tree: ['Find in the tree', 'Chercher dans l’arbre'],
  find_next: ['Next', 'Suivant'],
  n_hits: ['{n} hit|{n} hits', '{n} occurrence|{n} occurrences'],
  hit_of: ['{n} of {all}', '{n} sur {all}'],
  copy_path: ['Copy path', 'Copier le chemin'],
  copy_value: ['Copy value', 'Copier la valeur'],
  json_tree: ['JSON tree', 'Arbre JSON'],
  too_many: ['Only the first {n} nodes were opened', 'Seuls les {n} premiers nœuds ont été ouverts'],

  // Timeline
  t_events: ['{n} event|{n} events', '{n} événement|{n} événements'],
  t_left_out: ['{n} event more is not listed|{n} more events are not listed', '{n} autre événement non listé|{n} autres événements non listés'],
  t_none: ['This answer was no stream, or has not begun. The times of the exchange:', 'Cette réponse n’était pas un flux, ou n’a pas commencé. Les temps de l’échange :'],
  t_plot: ['Events over time. Left and right arrows move from event to event.', 'Événements dans le temps. Les flèches gauche et droite passent d’un événement à l’autre.'],
  t_which: ['Stream', 'Flux'],
  t_content: ['content', 'contenu'],
  t_reasoning: ['reasoning', 'réflexion'],
  t_tool: ['tool', 'outil'],
  t_error: ['error', 'erreur'],
  t_none_channel: ['frame', 'cadre'],
  t_gap: ['{time} of silence', '{time} de silence'],
  t_time: ['Time', 'Temps'],
  t_since: ['Gap', 'Écart'],
  t_name: ['Event', 'Événement'],
  t_adds: ['Text', 'Texte'],
  t_copy_content: ['Copy content', 'Copier le contenu'],
  t_copy_reasoning: ['Copy reasoning', 'Copier la réflexion'],
  t_scroll_last: ['Scroll to last', 'Aller au dernier'],
  t_event_is: ['Event {n}, {at}, {channel}, {name}: {text}', 'Événement {n}, {at}, {channel}, {name} : {text}'],
  mark_connected: ['connected', 'connecté'],
  mark_head: ['head', 'en-tête'],
  mark_first_event: ['first event', 'premier événement'],
  mark_first_token: ['first token', 'premier token'],
  mark_first_text: ['first text', 'premier texte'],
  mark_first_tool: ['first tool', 'premier outil'],
  mark_end: ['end', 'fin'],
  phase_connect: ['connecting', 'connexion'],
  phase_head: ['waiting for the head', 'attente de l’en-tête'],
  phase_prompt: ['until the first token', 'jusqu’au premier token'],
  phase_think: ['thinking', 'réflexion'],
  phase_answer: ['answering', 'réponse'],

  // Diff
  d_against: ['Compare with', 'Comparer à'],
  d_previous: ['the previous call of this thread', 'l’appel précédent de ce fil'],
  d_same: ['{n} item is the same|{n} items are the same', '{n} élément identique|{n} éléments identiques'],
  d_added: ['New items', 'Nouveaux éléments'],
  d_removed: ['Items that are gone', 'Éléments disparus'],
  d_changed: ['Changed items', 'Éléments modifiés'],
  d_tools: ['Tools', 'Outils'],
  d_fields: ['Parameters', 'Paramètres'],
  d_nothing: ['The two requests are the same.', 'Les deux requêtes sont identiques.'],
  d_first: ['This is the first call of its thread: there is nothing before it. Choose another to compare with.', 'C’est le premier appel de son fil : rien ne le précède. Choisissez-en un autre à comparer.'],
  d_needs_server: ['Comparing needs the running program.', 'La comparaison nécessite le programme en marche.'],
  d_before: ['before', 'avant'],
  d_after: ['after', 'après'],
  d_missing: ['not there', 'absent'],
  how_added: ['added', 'ajouté'],
  how_removed: ['removed', 'retiré'],
  how_changed: ['changed', 'modifié'],

  // Headers and tools
  h_name: ['Name', 'Nom'],
  h_value: ['Value', 'Valeur'],
  h_none: ['No head was captured.', 'Aucun en-tête capturé.'],
  tools_sum: ['{n} tool, about {tokens} tokens|{n} tools, about {tokens} tokens', '{n} outil, environ {tokens} tokens|{n} outils, environ {tokens} tokens'],
  tools_none: ['No tools were offered.', 'Aucun outil proposé.'],
  tool_tokens: ['≈ {n} tokens', '≈ {n} tokens'],
  tool_called: ['called {n} time|called {n} times', 'appelé {n} fois'],
  tool_new: ['new', 'nouveau'],
  tool_changed: ['changed', 'modifié'],
  schema: ['Schema', 'Schéma'],

  // Dialogs
  r_title: ['Replay this request', 'Rejouer cette requête'],
  r_text: ['The request is sent once more, and its answer captured. Tool calls in it are shown, never run.', 'La requête est envoyée à nouveau, et sa réponse capturée. Les appels d’outils sont affichés, jamais exécutés.'],
  r_model: ['Model', 'Modèle'],
  r_edit: ['Edit the body', 'Modifier le corps'],
  r_body: ['Body (JSON)', 'Corps (JSON)'],
  r_send: ['Send', 'Envoyer'],
  r_sending: ['Sending…', 'Envoi…'],
  r_sent: ['Sent. Its answer opens as soon as it is captured.', 'Envoyé. La réponse s’ouvrira dès qu’elle sera capturée.'],
  r_redacted: ['{n} secret was taken out of this request: it is sent without it.|{n} secrets were taken out of this request: it is sent without them.', '{n} secret a été retiré de cette requête : elle est envoyée sans lui.|{n} secrets ont été retirés de cette requête : elle est envoyée sans eux.'],
  r_bad: ['Line {line}, column {column}: {why}', 'Ligne {line}, colonne {column} : {why}'],
  r_good: ['The JSON is well formed.', 'Le JSON est bien formé.'],
  e_title: ['Export', 'Exporter'],
  e_what: ['What', 'Quoi'],
  e_this: ['this exchange', 'cet échange'],
  e_session: ['its session', 'sa session'],
  e_filter: ['what the filter shows', 'ce que montre le filtre'],
  e_all: ['everything', 'tout'],
  e_form: ['Format', 'Format'],
  e_jsonl: ['JSONL, can be imported again', 'JSONL, peut être réimporté'],
  e_codex: ['codex_capture history', 'historique codex_capture'],
  e_har: ['HAR 1.2, for browser tools', 'HAR 1.2, pour les outils de navigateur'],
  e_curl: ['curl commands', 'commandes curl'],
  e_html: ['this page in one file', 'cette page en un fichier'],
  e_markdown: ['Markdown, for an issue', 'Markdown, pour un ticket'],
  e_privacy: ['Secrets are taken out, but prompts, code and answers are in it. Read it before you share it.', 'Les secrets sont retirés, mais les prompts, le code et les réponses y sont. Relisez avant de partager.'],
  e_do: ['Download', 'Télécharger'],
  s_title: ['Settings', 'Réglages'],
  s_theme: ['Theme', 'Thème'],
  s_auto: ['like the system', 'comme le système'],
  s_light: ['light', 'clair'],
  s_dark: ['dark', 'sombre'],
  s_lang: ['Language', 'Langue'],
  s_store: ['What is kept', 'Ce qui est conservé'],
  s_prune: ['Prune now', 'Nettoyer maintenant'],
  s_prune_hint: ['Deletes what is older or larger than the limits.', 'Supprime ce qui dépasse les limites d’âge ou de taille.'],
  s_pruned: ['{n} exchange deleted, {size} freed|{n} exchanges deleted, {size} freed', '{n} échange supprimé, {size} libérés|{n} échanges supprimés, {size} libérés'],
  s_import: ['Import JSONL…', 'Importer du JSONL…'],
  s_imported: ['{n} exchange imported|{n} exchanges imported', '{n} échange importé|{n} échanges importés'],
  s_import_failed: ['{n} line was not understood|{n} lines were not understood', '{n} ligne non comprise|{n} lignes non comprises'],
  k_title: ['Keyboard', 'Clavier'],
  k_next: ['next, previous line', 'ligne suivante, précédente'],
  k_enter: ['open; fold or unfold a group', 'ouvrir ; replier ou déplier un groupe'],
  k_fold: ['fold, unfold', 'replier, déplier'],
  k_ends: ['first, last line', 'première, dernière ligne'],
  k_filter: ['filter', 'filtre'],
  k_follow: ['follow new calls', 'suivre les nouveaux appels'],
  k_pause: ['pause or resume', 'pause ou reprise'],
  k_mark: ['mark', 'marquer'],
  k_diff: ['diff with the previous call', 'diff avec l’appel précédent'],
  k_system: ['show or hide system texts', 'afficher ou masquer le système'],
  k_wide: ['hide or show the list', 'masquer ou afficher la liste'],
  k_tabs: ['tabs', 'onglets'],
  k_esc: ['close, clear, back', 'fermer, effacer, revenir'],
  k_help: ['this help', 'cette aide'],
  news_new: ['New: {what}', 'Nouveau : {what}'],
  news_bad: ['Failed: {what}', 'Échec : {what}'],
  news_cut: ['The prompt was cut: {what}', 'Prompt coupé : {what}'],
};

let at = 0;
let tag = 'en';

export const LANGUAGES = { en: 'English', fr: 'Français' };

/// `en` or `fr`.
export function speak(lang) {
  tag = lang === 'fr' ? 'fr' : 'en';
  at = tag === 'fr' ? 1 : 0;
  for (const key of Object.keys(formats)) delete formats[key];
}

export function spoken() {
  return tag;
}

/// The sentence of that name.
export function say(name, values = {}) {
  const entry = WORDS[name];
  if (!entry) return name;
  const forms = entry[at].split('|');
  const form = forms.length > 1 && !isOne(values.n) ? forms[1] : forms[0];
  return typeset(form).replace(/\{(\w+)\}/g, (_, key) => (typeof values[key] === 'number' ? number(values[key]) : String(values[key] ?? '')));
}

/// A sentence of ours that was kept with an exchange, in the reader's language; what others said stays as it is.
export function told(text) {
  if (tag !== 'fr') return text;
  let best = null;
  for (const [english, french] of SENTENCES) {
    if (best && best.length >= english.length) continue;
    const found = holes(english, text);
    if (found) best = { length: english.length, french, found };
  }
  if (!best) return text;
  let at = 0;
  return typeset(best.french.split('{}').join('\u0000')).replace(/\u0000/g, () => best.found[at++]);
}

/// What stands in the holes of a sentence, or null where the text is not that sentence.
function holes(sentence, text) {
  const [first, ...pieces] = sentence.split('{}');
  if (!text.startsWith(first)) return null;
  let rest = text.slice(first.length);
  const found = [];
  for (const [at, piece] of pieces.entries()) {
    const isLast = at + 1 === pieces.length;
    if (isLast && !rest.endsWith(piece)) return null;
    const end = isLast ? rest.length - piece.length : rest.indexOf(piece);
    if (end < 1) return null;
    found.push(rest.slice(0, end));
    rest = rest.slice(end + piece.length);
  }
  return rest === '' ? found : null;
}

export function hasWord(name) {
  return name in WORDS;
}

/// The sentence of that name, or the name itself, for words that others choose.
export function sayOr(prefix, word) {
  return hasWord(prefix + word) ? say(prefix + word) : word;
}

function isOne(n) {
  return tag === 'fr' ? Math.abs(n) < 2 : n === 1;
}

/// French sets its signs apart with spaces that do not break.
function typeset(text) {
  if (tag !== 'fr') return text;
  return text.replace(/ ([:;?!»%])/g, '\u00a0$1').replace(/« /g, '«\u00a0');
}

const formats = {};

function format(name, make) {
  formats[name] ??= make();
  return formats[name];
}

export function number(n, digits = 0) {
  return format(`number${digits}`, () => new Intl.NumberFormat(tag, { maximumFractionDigits: digits })).format(n);
}

export function percent(part) {
  return format('percent', () => new Intl.NumberFormat(tag, { style: 'percent', maximumFractionDigits: 0 })).format(part);
}

const SIZES = { en: ['B', 'kB', 'MB', 'GB'], fr: ['o', 'ko', 'Mo', 'Go'] };

export function size(bytes) {
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < 3) [value, unit] = [value / 1000, unit + 1];
  return `${number(value, unit && value < 100 ? 1 : 0)}\u00a0${SIZES[tag][unit]}`;
}

/// A span of time, from microseconds.
export function span(us) {
  if (us === null || us === undefined) return '–';
  if (us < 1000) return `${number(us)}\u00a0µs`;
  if (us < 10_000) return `${number(us / 1000, 1)}\u00a0ms`;
  if (us < 1_000_000) return `${number(us / 1000)}\u00a0ms`;
  if (us < 60_000_000) return `${number(us / 1_000_000, us < 10_000_000 ? 2 : 1)}\u00a0s`;
  const seconds = Math.round(us / 1_000_000);
  if (seconds < 3600) return `${number(Math.floor(seconds / 60))}\u00a0min ${number(seconds % 60)}\u00a0s`;
  return `${number(Math.floor(seconds / 3600))}\u00a0h ${number(Math.floor((seconds % 3600) / 60))}\u00a0min`;
}

/// The time of day; with the date when that is not today.
export function moment(ms, seconds = true) {
  const time = format(
    `time${seconds}`,
    () =>
      new Intl.DateTimeFormat(tag, {
        hour: '2-digit',
        minute: '2-digit',
        second: seconds ? '2-digit' : undefined,
        hourCycle: 'h23',
      }),
  );
  const day = format('day', () => new Intl.DateTimeFormat(tag, { day: 'numeric', month: 'short' }));
  const date = new Date(ms);
  return date.toDateString() === new Date().toDateString() ? time.format(date) : `${day.format(date)} ${time.format(date)}`;
}

export function whole(ms) {
  return format('whole', () => new Intl.DateTimeFormat(tag, { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' })).format(new Date(ms));
}

/// A large number in little room: `32.8k`.
export function short(n) {
  return format('short', () => new Intl.NumberFormat(tag, { notation: 'compact', maximumFractionDigits: 1 })).format(n);
}
