//! The stories of the published vectors, as people and programs read them, byte for byte: `tests/explain`.
//! With `UPDATE_GOLDEN=1` the files are rewritten; read the difference before it is committed.
mod support;

use std::fs;

use support::{Bench, check_golden, lines, shared, vectors_log};

/// The number of events in the log of the vectors.
const ALL: usize = 254;

/// Files, how many lines of the log there are, and an id of each kind by which the story may be asked for.
const STORIES: [(&str, usize, &[&str]); 17] = [
    (
        "bought",
        ALL,
        &[
            "1a18bb8a-ad36-856c-b36d-80ebea140871", // decision
            "9a28133a-4546-8efc-9596-db661bfe535f", // its first event
            "898498f8-f729-8e7e-b37d-d4fcb1e7a091", // safety's event
            "6ba828a4-202c-8828-ac60-9e6c81e2f722", // its last event
            "9b09832d-0fef-8a41-b974-d7adda2972d2", // order intent
            "cbb5d05b-3f80-88c5-b9c0-fb3ede5c3b06", // execution
        ],
    ),
    (
        "sold-feedback-on-the-execution",
        ALL,
        &[
            "4d6e8f90-da87-821b-9956-a9a0aa072eec", // decision
            "67dcdb6c-2905-88d6-a944-4395cc243205", // feedback
            "8aa1fbc0-16d9-8ba8-9530-6f0f2c93ed4c", // its event
        ],
    ),
    ("hold-time", ALL, &["d6637463-b814-89cc-b3f0-ca8bb2893d11"]),
    ("blocked", ALL, &["8aa62a6e-53d1-86ba-a439-dbcbb8594567"]),
    (
        "forced-sale",
        ALL,
        &[
            "f9038e76-cbd3-818d-a9b3-9d016a8afdb2", // decision
            "718e5f4b-0133-80e4-aa20-5c3a5ef91f10", // safety's order intent
        ],
    ),
    ("forced-sale-instead-of-a-buy", ALL, &["72b0fbf6-fbb8-8181-8757-1118c5011d1e"]),
    ("skipped-attention-negative", ALL, &["71b6a340-5170-8960-8787-67ef94f7dada"]),
    ("skipped-block-buy", ALL, &["cfd4ab6e-de72-8cc3-bd56-0fa4f1b62400"]),
    ("skipped-no-target-market", ALL, &["a3da64f9-0254-84b1-9c0d-d6764b4289dc"]),
    ("skipped-cooldown-feedback-on-the-decision", ALL, &["5bc73f1e-e88d-8949-8da9-d5e03ea163c7"]),
    ("halted", ALL, &["d84c4505-697e-8085-b427-39f3961ac846"]),
    ("halted-but-a-sell", ALL, &["f2aa7ace-5fde-82ee-ba8a-a0f1ee0b6c93"]),
    (
        "feedback-without-a-comment",
        ALL,
        &[
            "033f9192-af0e-8049-ba59-6acba70626a5", // decision
            "0aaf7ed6-e8ee-8d5b-ae47-d30e4492305a", // the feedback's event
        ],
    ),
    ("feedback-in-german", ALL, &["f4087224-b692-8018-b746-1adc28293520"]),
    (
        "feedback-on-a-time-window",
        ALL,
        &[
            "ffeeab5b-5a2a-8792-a816-557617f2c7f9", // event
            "9db7be3c-b881-8bfc-91af-cc2ed8874375", // feedback
        ],
    ),
    (
        "interrupted-after-the-attempt",
        10,
        &[
            "1a18bb8a-ad36-856c-b36d-80ebea140871", // decision
            "cbb5d05b-3f80-88c5-b9c0-fb3ede5c3b06", // execution
        ],
    ),
    ("interrupted-after-the-decision", 7, &["1a18bb8a-ad36-856c-b36d-80ebea140871"]),
];

#[test]
fn stories_are_those_of_the_golden_files() {
    let log = vectors_log();
    for (name, count, ids) in STORIES {
        let bench = Bench::holding(&lines(&log)[..count].concat());
        for (index, id) in ids.iter().enumerate() {
            let story = bench.explain(id).unwrap();
            let json = String::from_utf8(story.to_json()).unwrap() + "\n";
            for (file, told) in [(format!("{name}.txt"), story.to_text(None)), (format!("{name}.json"), json)]
            {
                // The story's other ids must not write it over.
                check_golden(&shared("explain").join(file), &told, index == 0);
            }
        }
    }
}

#[test]
fn every_golden_file_is_of_a_story() {
    let mut expected: Vec<String> =
        STORIES.iter().flat_map(|(name, ..)| [format!("{name}.json"), format!("{name}.txt")]).collect();
    // The files of the command's own messages.
    expected.extend(["unknown-id.txt", "unknown-id-an-instance.txt"].map(String::from));
    let entries = fs::read_dir(shared("explain")).unwrap();
    let mut found: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}
